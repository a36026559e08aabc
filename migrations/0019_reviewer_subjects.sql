-- Whether another person answers an audit again is told by their subject, which stays; a name may change, and two people may have the same one.
ALTER TABLE disposition.repeat
  ADD COLUMN first_subject text,
  ADD COLUMN second_subject text,
  ADD COLUMN third_subject text,
  DROP CONSTRAINT repeat_check,
  DROP CONSTRAINT repeat_check1;
-- Of before: people of the built-in provider by their username; of an outside one the name is all that was kept, and marked as one.
UPDATE disposition.repeat r SET
  first_subject = coalesce((SELECT id::text FROM identity.person WHERE username = r.first_by), 'name:' || r.first_by),
  second_subject = coalesce((SELECT id::text FROM identity.person WHERE username = r.second_by), 'name:' || r.second_by),
  third_subject = coalesce((SELECT id::text FROM identity.person WHERE username = r.third_by), 'name:' || r.third_by);
ALTER TABLE disposition.repeat
  ALTER COLUMN first_subject SET NOT NULL,
  ADD CONSTRAINT repeat_second_person CHECK (second_subject <> first_subject),
  ADD CONSTRAINT repeat_third_person CHECK (third_subject <> first_subject AND third_subject <> second_subject),
  ADD CONSTRAINT repeat_has_subjects CHECK ((second_subject IS NULL) = (second_by IS NULL) AND (third_subject IS NULL) = (third_by IS NULL));
