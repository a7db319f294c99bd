// Package lru is a map of so many entries. One more takes the place of that which was used least recently.
package lru
