/** A text with four code points of every Unicode plane, among them the last three, and with characters that code often handles wrongly. */
export const everyPlane = [
  ...Array.from({ length: 17 }, (_, plane) =>
    String.fromCodePoint(...[0xf00d, 0xfffd, 0xfffe, 0xffff].map(low => plane * 0x10000 + low)),
  ),
  '\u0001\u001f\u007f\u0085\u2028\u2029\ufeff\u202e e\u0301 👩‍👩‍👧‍👦 "\\/\b\f\n\r\t $(x) {{y}} \'; --',
].join('')
