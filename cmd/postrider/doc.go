// Postrider passes messages between processes: directly or through mailboxes on a
// broker, with or without waiting. This is its command line:
//
//	postrider tour                          the four ways, live
//	postrider evaluate                      the four ways under your workload, and advice
//	postrider serve                         a broker
//	postrider send mailbox:jobs "hello"     a message
//	postrider receive mailbox:jobs          what has come
//	postrider bench mailbox:jobs            how many, and how fast
//
// Every verb is a file of this package and says more with --help. The exit code is 0 when
// all that was asked for has been done, 1 when it failed, and 2 when it was not
// understood. Results go to stdout, all else to stderr.
package main
