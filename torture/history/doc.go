// Package history is the judge of a torture run: it is told everything that clients did and saw, in the order in which
// they did and saw it, and says what a broker that keeps its promises could not have done.
//
// It knows nothing of the broker but what its clients know. All that it takes for granted is the order of its own calls:
//
//	Publishing  before the message is written    Confirmed, Refused  after the answer was read
//	Delivered   after the message was read       Settling            before the answer is written
//	Durable     after a later publish on the same channel was confirmed
//	Ending      before the broker is told to stop, in whatever way
//	NextLife    when no client of the last life says anything any more
//
// # What is wrong
//
//   - lost: a confirmed message that nobody finished, in its queue or in the queue of its dead letters.
//   - unexpected: a message that nobody published, in a queue where it does not belong, or one that was refused.
//   - altered: a body that is not the one that was published.
//   - unflagged: a message that comes again and does not say so.
//   - order: a message that overtook an earlier one of its publisher.
//   - back: a message whose settlement was durable is delivered again.
//   - dead: a dead letter that nothing had killed.
//   - gap: a confirmed message missing between two that one session of a consumer without acknowledgements was given.
//
// # What is not
//
// A message without a confirm may be there or not. A dead letter whose cause was not durable when the broker was killed
// may be in its old queue, in the new one, or in both; each time that it may have been put there counts as a message of
// its own. What was on its way to a consumer without acknowledgements when it was cut off is counted, not judged.
package history
