import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteRange } from '../download/byte-range.ts';
import { ProblemError } from '../problem.ts';
import { announcedSha256 } from './digest.ts';
import { dispositionFilename, plainFilename } from './filename.ts';
import { detect } from './magic.ts';

test('a sender’s file name becomes text for people and never a path', () => {
  for (const [given, name] of [
    ['a.png', 'a.png'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\x\\y.png', 'y.png'],
    ['a\u0000b\n.png', 'ab.png'],
    ['\u202egnp.exe', 'gnp.exe'],
    ['..', null],
    ['', null],
    [undefined, null],
    ['x'.repeat(300), 'x'.repeat(200)],
  ] as const)
    assert.equal(plainFilename(given), name);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (given) => {
      const name = plainFilename(given);
      const plain = [...(name ?? 'x')].every((char) => char >= ' ' && char !== '/' && char !== '\\');
      assert.ok(plain && (name === null || (name.length <= 200 && name.isWellFormed())));
    }),
  );
  assert.equal(dispositionFilename(`attachment; filename="a.png"; filename*=UTF-8''%C3%BC.png`), 'ü.png');
  assert.equal(dispositionFilename('attachment; filename=b.csv'), 'b.csv');
  assert.equal(dispositionFilename(`attachment; filename*=UTF-8''%zz`), null);
});

test('types are told by their first bytes', () => {
  for (const [head, type] of [
    [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 'image/png'],
    [[0xff, 0xd8, 0xff, 0xe0], 'image/jpeg'],
    [[...Buffer.from('RIFF1234WEBPVP8 ')], 'image/webp'],
    [[0x49, 0x49, 42, 0], 'image/tiff'],
    [[0x4d, 0x4d, 0, 43], 'image/tiff'],
    [[...Buffer.from('\n%PDF-1.4')], 'application/pdf'],
    [[...Buffer.from('RIFF1234WAVE')], null],
    [[...Buffer.from('hello')], null],
    [[], null],
  ] as const)
    assert.equal(detect(Buffer.from(head)), type);
});

test('the announced hash is read from either header; of a form only the plain one counts', () => {
  const hash = 'ab'.repeat(32);
  const base64 = Buffer.from(hash, 'hex').toString('base64');
  assert.equal(announcedSha256({ 'x-content-sha256': hash.toUpperCase() }, true), hash);
  assert.equal(announcedSha256({ 'content-digest': `sha-512=:AAAA:, sha-256=:${base64}:` }, false), hash);
  assert.equal(announcedSha256({ digest: `SHA-256=${base64}` }, false), hash);
  assert.equal(announcedSha256({ digest: `SHA-256=${base64}` }, true), null);
  assert.equal(announcedSha256({}, false), null);
});

test('a range is a part of the content, or nothing, or refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.option(fc.nat(1200)), fc.option(fc.nat(1200)), (size, first, last) => {
      const header = `bytes=${first ?? ''}-${last ?? ''}`;
      const bytes = Array.from({ length: size }, (_, index) => index);
      let range: { start: number; end: number } | null;
      try {
        range = byteRange(header, size);
      } catch (error) {
        assert.ok(error instanceof ProblemError && error.code === 'range_not_satisfiable');
        assert.ok(first === null ? last === 0 : first >= size);
        return;
      }
      if (range === null) return void assert.ok((first === null && last === null) || (first !== null && last !== null && last < first));
      const wanted = first === null ? bytes.slice(-(last ?? 0)) : bytes.slice(first, last === null ? undefined : last + 1);
      assert.deepEqual(bytes.slice(range.start, range.end + 1), wanted);
    }),
  );
  for (const header of [undefined, 'bytes=', 'bytes=a-b', 'bytes=0-1,3-4', 'lines=0-1']) assert.equal(byteRange(header, 10), null);
});
