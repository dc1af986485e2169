// The forms in which a secret might leak: as it is, and in the encodings of URLs, forms, JSON, hex and Base64.

/** Returns the texts that must not occur where the secret must not be. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const forms = [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ x: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...[0, 1, 2].flatMap((before) => innerBase64(bytes, before)),
  ];
  return [...new Set(forms)];
}

// In the Base64 of a longer text only the inner characters do not depend on the neighbouring bytes.
function innerBase64(bytes: Buffer, before: number): string[] {
  const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
  const inner = (text: string) => text.slice(before === 0 ? 0 : 4, -4);
  return [inner(shifted.toString('base64').replaceAll('=', '')), inner(shifted.toString('base64url'))];
}
