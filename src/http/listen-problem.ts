// Explains an error of `listen` by the setting at fault. The system's own message, `listen EADDRNOTAVAIL`, names none.

const PRIVILEGED_PORTS_END = 1024;

/** Returns null for an error that has nothing to do with listening. */
export function listenProblem(
  { code = '', message, syscall }: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
): string | null {
  if (syscall === 'getaddrinfo') return `HOST is ${host}, and no address is known by that name (${code})`;
  if (syscall !== 'listen') return null;
  if (code === 'EADDRINUSE')
    return `Port ${port} of ${host} is in use; PORT=<another> or PORT=0 picks another one`;
  if (code === 'EADDRNOTAVAIL') {
    return `HOST is ${host}, which is not an address of this machine; HOST=127.0.0.1 lets in this machine alone, HOST=0.0.0.0 listens on every address it has`;
  }
  if (code === 'EACCES' && port > 0 && port < PRIVILEGED_PORTS_END) {
    return `PORT is ${port}, and a port below ${PRIVILEGED_PORTS_END} needs a privilege (on Linux CAP_NET_BIND_SERVICE); PORT=3000 needs none`;
  }
  return `Can't listen with HOST=${host} and PORT=${port}: ${message}`;
}
