package model

import (
	"io/fs"
	"time"
)

// SourceKey identifies a subscription in the source store: one app's source,
// or a source object that several apps share. Its form is the dialect's.
type SourceKey string

// Source is where content comes from and which revision of it is wanted.
type Source struct {
	// URL is the repository: http(s)://, ssh://, user@host:path, or a local
	// path where the configuration allows local paths.
	URL string
	Ref Ref
	// Auth are the credentials. They never leave the source stage.
	Auth Auth
	// Interval is the pause between two looks at the repository.
	Interval time.Duration
	// Timeout bounds one look or fetch; 0 is the store's default.
	Timeout time.Duration
	// Suspended keeps the last snapshot and asks for no newer one.
	Suspended bool
}

// Ref names a revision. The first field that is set counts, in this order:
// Commit, Name, SemVer, Tag, Branch, Any. All empty is HEAD, the default branch.
type Ref struct {
	// Commit is a full 40-digit hexadecimal commit id.
	Commit string
	// Name is a full ref name such as refs/heads/main or refs/pull/1/head.
	Name string
	// SemVer is a constraint; the highest tag that satisfies it is meant.
	SemVer string
	Tag    string
	Branch string
	// Any is what Argo CD users write: a branch, a tag, a (short) commit id, or
	// HEAD, tried in that order.
	Any string
}

// Auth are the credentials for a repository. Only the source stage reads it.
type Auth struct {
	Username, Password string
	BearerToken        string
	// SSHKey is a private key in PEM form, SSHPassword its passphrase.
	SSHKey, SSHPassword string
	// KnownHosts are lines of a known_hosts file. Host keys are always checked.
	KnownHosts string
	// CA, ClientCert and ClientKey are PEM data for TLS.
	CA, ClientCert, ClientKey string
	// Insecure skips the check of TLS certificates or SSH host keys.
	Insecure bool
}

// String hides the credentials, so that none is ever printed.
func (a Auth) String() string {
	if a == (Auth{}) {
		return "no credentials"
	}
	return "credentials (hidden)"
}

// GoString hides the credentials from %#v.
func (a Auth) GoString() string { return a.String() }

// Commit describes a revision of a Git repository.
type Commit struct {
	// ID is the full commit id.
	ID      string
	Author  string
	Time    time.Time
	Subject string
}

// Snapshot is the content of a source at one revision. It never changes.
type Snapshot struct {
	// URL is the repository as the user wrote it, without credentials.
	URL string
	// Ref is the name that was resolved, such as "main" or "v1.2.3"; empty when a
	// commit was asked for.
	Ref    string
	Commit Commit
	Tree   Tree
}

// Tree is a read-only file tree with content hashes, rooted at the repository.
// Names are as in io/fs. Symbolic links are followed inside the tree; one that
// leads out of it is an error that satisfies errors.Is(err, fs.ErrInvalid). A
// submodule is an empty directory with the type fs.ModeDir|fs.ModeIrregular.
type Tree interface {
	fs.ReadFileFS
	fs.ReadDirFS
	fs.StatFS
	// Hash is the content hash of a file or directory: equal hashes, equal
	// content, recursively. fs.ErrNotExist if there is nothing.
	Hash(name string) (string, error)
}
