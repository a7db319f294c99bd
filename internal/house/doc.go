// Package house guards the shape of the code: which package stands on which
// floor, and which packages are pure.
//
// It holds tests only. They read the source of every package in this module
// and fail when
//
//   - a package is on no floor: a new one is given its place in plan_test.go,
//
//   - an import goes up a floor, or sideways to a neighbour that the plan does
//     not name,
//
//   - a pure package reaches for the world: a goroutine, a channel, a lock, a
//     socket, a file, the clock or chance,
//
//   - a package that may be part of the program imports what makes it much larger.
//
//     6  cmd/postrider, examples         what people run
//     5  postrider                       the Go API
//     4  broker, client, server, admin   whole endpoints
//     3  core                            names joined to queues and journal
//     2  journal, link, access, seal     one piece of the world each
//     1  queue, route, session           PURE
//     0  amqp, disk                      bytes: on the wire, on the disk
//
// Purity is what lets a test drive a queue a million steps a second and replay
// a failing run from its seed, so one careless time.Now is worth a red build.
// One leak is left to the reader's eye: the order in which Go ranges over a
// map is random too, and must not reach an effect.
//
// Modules of their own (bench, interop) are outside the house.
package house
