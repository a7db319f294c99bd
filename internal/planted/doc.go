// Package planted holds bugs on purpose, and proves that the tests find them: a
// suite that is always green shows nothing by that.
//
//	make planted                                            all of them; each must be caught
//	go test ./internal/planted -run Caught/skip-sync -all -v     one, with what the tests said
//
// Each is a small patch in testdata, named for what it does. No mark of it is in
// the product's code: it is laid over the sources for one build only.
//
//	The journal's sync does nothing.                        what the bug is
//	caught by: ./internal/sim TestSeeds                     which test must fail
//	file: internal/journal/writer.go                        where
//	-	if err := s.file.Sync(); err != nil {             lines to find there, exactly once: those with - go,
//	+	if err := error(nil); err != nil {                 those with + come, those with a space stay
//
// A patch whose lines are not there any more, or that does not build with the code
// around it, fails as well: whoever changes that code moves the bug along.
package planted
