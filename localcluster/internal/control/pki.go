package control

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	serviceRange = "10.96.0.0/16"
	serviceIP    = "10.96.0.1" // of the kubernetes Service: the range's first
	validity     = 10 * 365 * 24 * time.Hour
)

// identities are the leaf certificates of a cluster.
var identities = []identity{
	{name: "apiserver", commonName: "kube-apiserver", server: true},
	{name: "kubelet-server", commonName: "kubelet", server: true},
	{name: "apiserver-kubelet-client", commonName: "kube-apiserver-kubelet-client", group: "system:masters"},
	{name: "admin", commonName: "admin", group: "system:masters"},
	{name: "controller-manager", commonName: "system:kube-controller-manager", group: "system:masters"},
	{name: "scheduler", commonName: "system:kube-scheduler"},
	{name: "kubelet", commonName: "system:localcluster-kubelet", group: "system:masters"},
}

// identity is a certificate's subject and use.
type identity struct {
	name       string // of its files
	commonName string // the user, for a client
	group      string
	server     bool
}

// pki is a cluster's certificate authority and what it has issued.
type pki struct {
	ca    *keyPair
	leafs map[string]*keyPair // by identity.name
}

// keyPair is a certificate and its key, both as PEM and parsed.
type keyPair struct {
	certPEM, keyPEM []byte
	cert            *x509.Certificate
	key             crypto.Signer
}

// openPKI reads the keys in folder and makes those that are missing.
func openPKI(folder string) (*pki, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	ca, err := openPair(filepath.Join(folder, "ca"), authority(), nil)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	p := &pki{ca: ca, leafs: map[string]*keyPair{}}
	for _, id := range identities {
		if p.leafs[id.name], err = openPair(filepath.Join(folder, id.name), id.template(), ca); err != nil {
			return nil, fmt.Errorf("certificate of %s: %w", id.name, err)
		}
	}
	if _, _, err = openKey(filepath.Join(folder, "service-account.key")); err != nil {
		return nil, fmt.Errorf("key of service accounts: %w", err)
	}
	return p, nil
}

// serverTLS serves as the named identity and lets in clients of this cluster.
func (p *pki) serverTLS(name string) *tls.Config {
	leaf := p.leafs[name]
	clients := x509.NewCertPool()
	clients.AddCert(p.ca.cert)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
		MinVersion:   tls.VersionTLS12,
	}
}

func authority() *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: "localcluster"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
}

func (id identity) template() *x509.Certificate {
	cert := &x509.Certificate{
		Subject:     pkix.Name{CommonName: id.commonName},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if id.group != "" {
		cert.Subject.Organization = []string{id.group}
	}
	if id.server {
		cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		cert.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(serviceIP)}
		cert.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	}
	return cert
}

// openPair reads base.crt and base.key. It issues the certificate when it is
// missing, signed by ca, or by itself when ca is nil.
func openPair(base string, template *x509.Certificate, ca *keyPair) (*keyPair, error) {
	key, keyPEM, err := openKey(base + ".key")
	if err != nil {
		return nil, err
	}
	certPEM, err := os.ReadFile(base + ".crt")
	if errors.Is(err, fs.ErrNotExist) {
		certPEM, err = issue(base+".crt", template, key, ca)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return nil, fmt.Errorf("%s.crt holds no certificate: delete the folder pki for a new one", base)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	return &keyPair{certPEM: certPEM, keyPEM: keyPEM, cert: cert, key: key}, err
}

func issue(file string, template *x509.Certificate, key crypto.Signer, ca *keyPair) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = template.NotBefore.Add(validity)
	parent, signer := template, key
	if ca != nil {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return text, writeFile(file, text, 0o644)
}

// openKey reads a private key, or makes one when the file is missing.
func openKey(file string) (crypto.Signer, []byte, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeKey(file)
	}
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, fmt.Errorf("%s holds no key: delete the folder pki for a new one", file)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	return key, text, err
}

func makeKey(file string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return text, writeFile(file, text, 0o600)
}
