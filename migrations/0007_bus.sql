-- What a broker carries need be no text: the bytes of a parked event as they came, where `event` cannot hold them.
ALTER TABLE platform.bus_parked ADD COLUMN raw bytea;
