package main

import "crypto/tls"

// clientTLS trusts the certificates in a file; "" means the system's roots.
func clientTLS(ca string) (*tls.Config, error) {
	if ca == "" {
		return nil, nil
	}
	roots, err := readRoots(ca)
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
