package behaviour

// A Story is one thing that a program can rely on.
type Story struct {
	Name string
	// Shared: it needs a broker that more than one node uses.
	Shared bool
	Tell   func(w *World)
}

// Stories are all of them.
var Stories = []Story{
	{Name: "the four ways", Tell: theFourWays},
	{Name: "a mailbox keeps messages until somebody works", Tell: aMailboxKeepsMessages},
	{Name: "workers share a mailbox", Tell: workersShareAMailbox},
	{Name: "a loop over a mailbox", Tell: aLoopOverAMailbox},
	{Name: "handling ends and gives back the rest", Tell: handlingEndsAndGivesBackTheRest},
	{Name: "senders keep their order", Shared: true, Tell: sendersKeepTheirOrder},
	{Name: "a message of a megabyte", Tell: aMessageOfAMegabyte},

	{Name: "what goes along with a message", Tell: whatGoesAlong},

	{Name: "keys in order and at the same time", Tell: keysInOrderAndAtTheSameTime},
	{Name: "workers of partitions come and go", Shared: true, Tell: workersOfPartitionsComeAndGo},
	{Name: "a failure holds back its key alone", Tell: aFailureHoldsBackItsKeyAlone},
	{Name: "a mailbox has one number of partitions", Tell: aMailboxHasOneNumberOfPartitions},
	{Name: "one receiver at a time", Shared: true, Tell: oneReceiverAtATime},

	{Name: "every subscriber gets a copy", Tell: everySubscriberGetsACopy},
	{Name: "a subscription that is kept", Tell: aSubscriptionThatIsKept},
	{Name: "many are asked at once", Tell: manyAreAskedAtOnce},
	{Name: "a peer is found", Shared: true, Tell: aPeerIsFound},

	{Name: "who asks is told that it was handled", Tell: whoAsksIsToldThatItWasHandled},
	{Name: "what has expired is not handled", Tell: whatHasExpired},
	{Name: "a call that is given up ends its handling", Tell: aCallThatIsGivenUp},
	{Name: "a call that is made again", Tell: aCallThatIsMadeAgain},
	{Name: "control messages wait behind nothing", Tell: controlMessagesWaitBehindNothing},

	{Name: "calls and answers", Tell: callsAndAnswers},
	{Name: "calls through a mailbox", Tell: callsThroughAMailbox},

	{Name: "failures, a dead letter and its second life", Tell: failuresAndASecondLife},
	{Name: "a rejected message dies at once", Tell: aRejectedMessageDiesAtOnce},
	{Name: "a retry is no failure", Tell: aRetryIsNoFailure},
	{Name: "a panic is a failure", Tell: aPanicIsAFailure},
	{Name: "nothing waits behind what failed", Tell: nothingWaitsBehindWhatFailed},
	{Name: "a message that fails often is not dropped", Tell: aMessageThatIsGivenBackOften},

	{Name: "sealed messages", Tell: sealedMessages},

	{Name: "a repeat is handled once", Tell: aRepeatIsHandledOnce},
	{Name: "a message in hand when the connection breaks is handled once", Shared: true, Tell: inHandWhenTheConnectionBreaks},
	{Name: "a message in hand of a node that closes goes to another", Shared: true, Tell: inHandOfANodeThatCloses},
	{Name: "connections that break all the time lose nothing", Shared: true, Tell: connectionsThatBreakAllTheTime},
	{Name: "a peer that breaks all the time loses nothing", Tell: aPeerThatBreaksAllTheTime},
	{Name: "the next broker of a list is tried", Shared: true, Tell: theNextBrokerOfAList},
	{Name: "who waits for a peer wakes when it dies", Tell: whoWaitsForAPeer},

	{Name: "a target that is not there", Tell: aTargetThatIsNotThere},
	{Name: "an outbox that is full", Shared: true, Tell: anOutboxThatIsFull},
	{Name: "a mailbox that is full", Shared: true, Tell: aMailboxThatIsFull},
	{Name: "a wrong password", Shared: true, Tell: aWrongPassword},
	{Name: "shutdown delivers and finishes", Shared: true, Tell: shutdownDeliversAndFinishes},
	{Name: "what was posted outlives its node", Shared: true, Tell: whatWasPostedOutlivesItsNode},
	{Name: "close ends everything that waits", Tell: closeEndsEverything},
}
