// The forms in which a secret might leak: as it is, and in the encodings of URLs, forms, JSON, hex and Base64.

/** Texts of which none may occur where the secret must not be. */
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

// Inside a longer text the first and the last characters depend on the neighbours; those between them do not.
function innerBase64(bytes: Buffer, before: number): string[] {
  const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
  const inner = (text: string) => text.slice(before === 0 ? 0 : 4, -4);
  return [inner(shifted.toString('base64').replaceAll('=', '')), inner(shifted.toString('base64url'))];
}
