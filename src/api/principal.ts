// The principal: the user and the session that an access token speaks for. It has a file of its own
// because both the endpoint's declaration and the journey's types name it, and neither may import
// the other.

import type { Session, User } from '../store/collections.ts';

export interface Principal {
  readonly user: User;
  readonly session: Session;
  /** Whether the token comes from a login; false if it comes from a refresh token. */
  readonly fresh: boolean;
}
