// Package seal is what makes a message readable for its recipients alone, and says who wrote it. It is pure: keys, time and chance are handed in
// (but for the ephemeral key of HPKE, which crypto/hpke draws itself), and who calls holds the locks.
//
// A sender gives himself, for each target and epoch, one [Epoch]: a random data key, and a grant that hands it to the holder of the target's
// private key. The grant travels with every message, and is opened once; what a message costs is AES-256-GCM.
//
//	grant       version    1 byte, 1
//	            key id     16      of the target's key: which private key opens it
//	            starts     8       milliseconds since 1970: no message under it is older
//	            ends       8       or younger
//	            expires    8       from then on nobody opens anything under it
//	            target     1 + 1 + n    its kind, and its name
//	            sender     2 + n   the certificate of who signs, DER
//	            wrapped    2 + n   the data key: HPKE, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; its info is all of the above
//	            signature  2 + n   by the sender's key over a context and all of the above: Ed25519, or ECDSA with P-256 and SHA-256
//
//	message     magic      4 bytes
//	            grant      2 + n
//	            nonce      12      its number under the grant
//	            sealed     n + 16  AES-256-GCM; bound to it are the hash of the grant and a [Bound]
//
//	content     time       8       milliseconds since 1970
//	            type       1 + n   of the body
//	            headers    4 + n
//	            body       the rest
//
//	answer      magic      4 bytes
//	            nonce      12      random
//	            sealed     n + 16  AES-256-GCM, under a key that is derived from the data key for one message and [Purpose]
//
// Numbers are big-endian. Bound to a message is nothing that a broker changes on its way: not the routing key nor the exchange, not whether it is
// redelivered or persistent, its priority, its expiry, or the headers that say how often it failed.
package seal
