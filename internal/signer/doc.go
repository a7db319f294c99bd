// Package signer is a small certificate authority: enough for nodes and brokers to know one another by, and to seal messages to one another.
package signer
