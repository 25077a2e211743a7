package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TLS says whom to trust.
type TLS struct {
	// CAFile has certificates of authorities, in PEM, that are trusted besides the
	// system's; "" is none.
	CAFile string
	// Insecure trusts everybody.
	Insecure bool
}

func (t TLS) config() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Insecure} //nolint:gosec // where the user says so
	if t.CAFile == "" {
		return out, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates of authorities: %w: correct --ca-file", err)
	}
	out.RootCAs, err = x509.SystemCertPool()
	if err != nil {
		out.RootCAs = x509.NewCertPool()
	}
	if !out.RootCAs.AppendCertsFromPEM(pem) {
		return nil, model.Invalidf("%s has no certificate in PEM: correct --ca-file", t.CAFile)
	}
	return out, nil
}
