// The principal: the user and the session that an access token stands for. It has its own file
// because both the declaration of an endpoint and the types of the journey refer to it, and neither
// may import the other.

import type { Session, User } from '../store/collections.ts';

export interface Principal {
  readonly user: User;
  readonly session: Session;
  /** Whether the token comes from a login; false if it comes from a refresh. */
  readonly fresh: boolean;
}
