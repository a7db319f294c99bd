// Package admin is what people and their tools ask a running broker, over HTTP:
// at the paths and in the JSON of RabbitMQ's management plugin.
//
//	admin.New(Config) ─► Admin.Local()      for the socket in the data directory: whoever can open it is the owner
//	                  └► Admin.Handler()    for a port: HTTP basic authentication, and the user's tags decide
//
// # Where what is
//
// One file per resource holds its routes and its JSON; routes.go joins them into
// the one table that both handlers are made of. A route says who may use it,
// and nothing is reached but through the table:
//
//	{"GET", "/api/vhosts/{vhost}", inVHost(access.Management), getVHost}
//
// A handler takes a [request] and returns what is to be sent as JSON, or an error:
// a [problem] for what HTTP has a status for; an *amqp.Error of the core becomes 400.
//
// Nothing here is asked on the way of a message: numbers are collected when
// somebody wants to see them.
package admin
