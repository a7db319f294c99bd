package session

import (
	_ "context"      // want: pure package internal/session imports context
	_ "crypto/rand"  // want: pure package internal/session imports crypto/rand
	_ "hash/maphash" // want: pure package internal/session imports hash/maphash
	_ "log/slog"     // want: pure package internal/session imports log/slog
	_ "math/rand"    // want: pure package internal/session imports math/rand
	_ "math/rand/v2" // want: pure package internal/session imports math/rand/v2
	_ "net"          // want: pure package internal/session imports net
	_ "net/netip"    // want: pure package internal/session imports net/netip
	_ "os"           // want: pure package internal/session imports os
	_ "runtime"      // want: pure package internal/session imports runtime
	_ "sync"         // want: pure package internal/session imports sync
	_ "sync/atomic"  // want: pure package internal/session imports sync/atomic
	_ "syscall"      // want: pure package internal/session imports syscall
	_ "unsafe"       // want: pure package internal/session imports unsafe
)
