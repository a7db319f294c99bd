//go:build windows

package journal

import _ "example.test/house/internal/link" // want: sideways: internal/journal imports internal/link on floor 2
