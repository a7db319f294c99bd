// Package access decides who a client is and what it may do.
//
// [Users] is the list of accounts, with what each may do in which virtual host; an [Authority] checks logins against it;
// a [Permit] is what one user may do in one virtual host:
//
//	users := access.NewUsers()
//	users.Load(store)                                          // what was kept, and where changes are kept
//	users.Add("peer", key, access.PublishOnly("inbox.bob"))    // of the configuration: not kept, not to be changed
//	users.Put(ctx, "alice", access.Change{Password: &secret})  // kept; may do nothing until:
//	users.SetPermission(ctx, access.Permission{User: "alice", VHost: "/", Read: "^jobs"})
//	authority := access.NewAuthority(users)
//	user, err := authority.Login(ctx, "PLAIN", response, access.Peer{Addr: addr})
//	permit := users.Permit(user, "/")
//	ok := permit.Current() && permit.May(access.Read, "jobs")
//
// A permit never changes. One number, the generation, says whether anything has since it was given, so asking again
// costs one load. Whoever watches is told of each change, and ends what is open and not allowed any more.
//
// What a login goes through, in this order, so that what is cheap protects what is dear:
//
//	mechanism   PLAIN or AMQPLAIN                            503 for another
//	channel     over TLS, or from this host                  a password is not accepted in clear from elsewhere
//	response    well formed and short
//	guest       from this host only; the password is known to all, so comparing it costs nothing
//	cache       the same name and password were right before: accepted at once
//	address     a token bucket for what the cache does not know: 64 at once, 10 a second; the right ones are given back
//	argon2id    one verification a core, 64 waiting; the same login arriving many times is verified once
//
// An unknown name goes the whole way as a known one does, at the same cost, and gets the same answer. Passwords are
// kept as argon2id hashes only (one that comes from RabbitMQ until its first login), and the cache as digests under a key that is made anew by every process.
package access
