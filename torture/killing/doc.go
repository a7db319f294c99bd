// Package killing is the torture itself: a broker that is killed again and again, at any moment, while clients of every
// kind use it, and a history that judges whether it kept its promises.
package killing
