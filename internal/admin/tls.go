package admin

import "crypto/tls"

func tlsVersion(s *tls.ConnectionState) string { return tls.VersionName(s.Version) }

func tlsCipher(s *tls.ConnectionState) string { return tls.CipherSuiteName(s.CipherSuite) }
