package model

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
)

// ObjectKey identifies an object of a cluster, whatever the API version it is
// read or written at.
type ObjectKey struct{ Group, Kind, Namespace, Name string }

// String is the key as "Kind.group/namespace/name", without empty parts.
func (k ObjectKey) String() string {
	s := k.Kind
	if k.Group != "" {
		s += "." + k.Group
	}
	if k.Namespace != "" {
		s += "/" + k.Namespace
	}
	return s + "/" + k.Name
}

// Compare orders keys by group, kind, namespace and name.
func (k ObjectKey) Compare(o ObjectKey) int {
	return cmp.Or(cmp.Compare(k.Group, o.Group), cmp.Compare(k.Kind, o.Kind),
		cmp.Compare(k.Namespace, o.Namespace), cmp.Compare(k.Name, o.Name))
}

// ObjectRef is an object at an API version.
type ObjectRef struct {
	ObjectKey
	Version string
}

// APIVersion is group/version, or the version alone for the core group.
func (r ObjectRef) APIVersion() string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}

// Digest is a SHA-256. The zero value means "unknown".
type Digest [sha256.Size]byte

// DigestOf is the SHA-256 of the parts, each preceded by its length, so that
// no two lists of parts share a digest by concatenation.
func DigestOf(parts ...[]byte) Digest {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		for i := range n {
			n[i] = byte(len(p) >> (8 * i))
		}
		h.Write(n[:])
		h.Write(p)
	}
	return Digest(h.Sum(nil))
}

// IsZero reports whether the digest is unknown.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText is the digest in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return hex.ErrLength
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Object is a desired object: what a renderer made of the files.
type Object struct {
	ObjectRef
	// JSON is the whole object. It is shared between readers: never change it.
	JSON []byte
	// Digest is that of JSON.
	Digest Digest
	// Origin is the file that it comes from, for messages; "" if not known.
	Origin string
	// Labels and Annotations are the object's own, for rules that read them.
	Labels, Annotations map[string]string
}
