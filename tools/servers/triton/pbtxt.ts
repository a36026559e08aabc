/** Values of protobuf's text form: names without quotes stay strings, a field that is there several times becomes a list. */
export type Text = string | number | boolean | TextMessage | Text[];
export interface TextMessage {
  [field: string]: Text;
}

const TOKEN = /\s+|#[^\n]*|("(?:[^"\\\n]|\\.)*")|([{}[\]:,])|([A-Za-z0-9_.+-]+)/y;

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) throw new Error(`config.pbtxt: ${JSON.stringify(text.slice(at, at + 20))} is not understood`);
    const token = found[1] ?? found[2] ?? found[3];
    if (token !== undefined) tokens.push(token);
  }
  return tokens;
}

/** Reads protobuf's text form as far as model configurations use it. @throws Error in words */
export function parsePbtxt(text: string): TextMessage {
  const tokens = tokensOf(text);
  let at = 0;
  const take = (wanted?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new Error(`config.pbtxt: ${token ?? 'the end'} in place of ${wanted ?? 'a value'}`);
    return token;
  };
  function value(): Text {
    const token = take();
    if (token === '{') return message('}');
    if (token === '[') {
      const list: Text[] = [];
      while (tokens[at] !== ']') {
        list.push(value());
        if (tokens[at] === ',') at += 1;
      }
      take(']');
      return list;
    }
    if (token.startsWith('"')) return JSON.parse(token) as string;
    if (token === 'true' || token === 'false') return token === 'true';
    return /^[+-]?[\d.]/.test(token) ? Number(token) : token;
  }
  function message(end: string | null): TextMessage {
    const fields: TextMessage = {};
    while (at < tokens.length && tokens[at] !== end) {
      const name = take();
      if (tokens[at] === ':') at += 1;
      const read = value();
      const before = fields[name];
      fields[name] =
        before === undefined ? read : [...(Array.isArray(before) ? before : [before]), ...(Array.isArray(read) ? read : [read])];
      if (tokens[at] === ',') at += 1;
    }
    if (end !== null) take(end);
    return fields;
  }
  return message(null);
}
