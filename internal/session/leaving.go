package session

// Leaving is the reason in a connection.blocked of one who is about to end and takes nothing more. To clients that know
// nothing of it, it is a pause that lasts until the connection is closed.
const Leaving = "shutting down"
