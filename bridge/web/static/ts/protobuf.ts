// SPDX-FileCopyrightText: 2026 The Passerelle authors
// SPDX-License-Identifier: Apache-2.0

/** Protocol Buffers' wire format, as far as a few messages of LiveKit's signalling need it: numbers, texts, messages. */

type Value = number | string | Uint8Array;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Writes one message from its fields' numbers and values. */
export function message(...fields: [number, Value][]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const [field, value] of fields) {
    bytes.push(...varint(field * 8 + (typeof value === "number" ? VARINT : BYTES)));
    if (typeof value === "number") {
      bytes.push(...varint(value));
      continue;
    }
    const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
    bytes.push(...varint(content.length), ...content);
  }
  return new Uint8Array(bytes);
}

/** Reads the fields of one message, in order; fields of fixed width are passed over. Throws at bytes that are none. */
export function* fields(bytes: Uint8Array): Generator<[number, number | Uint8Array]> {
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("a message ends too early");
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = read();
    const field = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === VARINT) yield [field, read()];
    else if (kind === BYTES) {
      const length = read();
      yield [field, bytes.subarray(at, at + length)];
      at += length;
    } else if (kind === FIXED64) at += 8;
    else if (kind === FIXED32) at += 4;
    else throw new RangeError("a field of an unknown kind");
  }
}

/** The messages that stand in a field, none if there is no such field. */
export function inside(bytes: Uint8Array, field: number): Uint8Array[] {
  return [...fields(bytes)].flatMap(([number, value]) => (number === field && typeof value !== "number" ? [value] : []));
}

/** The first text of a field. */
export function text(bytes: Uint8Array, field: number): string {
  return new TextDecoder().decode(inside(bytes, field)[0] ?? new Uint8Array());
}

function varint(value: number): number[] {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return [...bytes, value];
}
