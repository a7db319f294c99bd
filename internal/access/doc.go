// Package access decides who a client is and what it may do.
//
// [Users] is the list of accounts; an [Authority] checks logins against it:
//
//	users := access.NewUsers()
//	users.AddGuest(access.Full())
//	users.Add("alice", secret, access.Full())
//	users.Add("peer", key, access.PublishOnly("inbox.bob"))
//	authority := access.NewAuthority(users)
//	user, err := authority.Login(ctx, "PLAIN", response, access.Peer{Addr: addr})
//	err = user.MayPublish("", "inbox.bob")
//
// What a login goes through, in this order, so that what is cheap protects what is dear:
//
//	mechanism   PLAIN or AMQPLAIN                            503 for another
//	channel     over TLS, or from this host                  a password is not accepted in clear from elsewhere
//	response    well formed and short
//	guest       from this host only; the password is known to all, so comparing it costs nothing
//	cache       the same name and password were right before: accepted at once
//	argon2id    one verification a core, 64 waiting; the same login arriving many times is verified once
//
// An unknown name goes the whole way as a known one does, at the same cost, and gets the same answer. Passwords are
// kept as argon2id hashes only, and the cache as digests under a key that is made anew by every process.
package access
