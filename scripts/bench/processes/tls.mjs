// TLS 1.2 with a key that both sides have (RFC 5487), so that nobody needs a certificate: what it costs to encrypt is the same.

const key = Buffer.alloc(16, 1);
const common = { ciphers: 'PSK-AES128-GCM-SHA256', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };

export const serverTls = { ...common, pskCallback: () => key };
export const clientTls = {
  ...common,
  pskCallback: () => ({ identity: 'bench', psk: key }),
  checkServerIdentity: () => undefined,
};
