package model

import (
	"io/fs"
	"reflect"
	"strings"
	"time"
)

// SourceKey identifies a subscription in the source store: one app's source,
// or a source object that several apps share. Its form is the dialect's.
type SourceKey string

// SourceKind is how content is got.
type SourceKind string

// The kinds of sources.
const (
	// SourceGit is a Git repository; the zero value of SourceKind means it too.
	SourceGit SourceKind = "git"
	// SourceOCI is an artifact or a Helm chart in an OCI registry.
	SourceOCI SourceKind = "oci"
	// SourceHelm is a chart of a Helm repository with an index.yaml.
	SourceHelm SourceKind = "helm"
	// SourceBucket are the objects of an S3-compatible bucket.
	SourceBucket SourceKind = "bucket"
)

// Source is where content comes from and which revision of it is wanted.
type Source struct {
	Kind SourceKind
	// URL is the repository: for Git http(s)://, ssh://, user@host:path, or a
	// local path where the configuration allows local paths; for OCI
	// oci://host/path without tag; for Helm the http(s):// URL below which
	// index.yaml is; for a bucket the endpoint, host[:port] or http(s)://.
	URL string
	Ref Ref
	// Auth are the credentials. They never leave the source stage.
	Auth Auth
	// Proxy is what HTTP goes through; the zero value is the environment's.
	Proxy Proxy
	// Interval is the pause between two looks at the repository.
	Interval time.Duration
	// Timeout bounds one look or fetch; 0 is the store's default.
	Timeout time.Duration
	// Suspended keeps the last snapshot and asks for no newer one.
	Suspended bool
	// Ignore leaves files out of the tree; nil leaves out nothing.
	Ignore *Ignore
	// Verify refuses content without a good signature; nil checks none.
	Verify *Verify
	// Foreign: files of another source name it, and nobody who may declare sources.
	// It is not read from this machine.
	Foreign bool
	// Chart is the chart's name in a Helm repository. In a registry, set, it
	// says that the artifact is a Helm chart and is added to the URL's path
	// unless that ends with it. The tree's root is then the chart's folder.
	Chart  string
	Git    Git
	OCI    OCI
	Bucket Bucket
}

// Git are the settings of Git repositories alone.
type Git struct {
	// Submodules reads the content of submodules too.
	Submodules bool
	// LFS reads the files that Git LFS keeps elsewhere.
	LFS bool
	// Sparse are the directories that are read; empty is all.
	Sparse []string
	// Include puts files of other subscriptions into the tree.
	Include []Include
}

// Include puts the directory From of another subscription at To in the tree.
type Include struct {
	Source   SourceKey
	From, To string
}

// OCI are the settings of registries alone.
type OCI struct {
	// MediaType selects the layer; "" is the first, or the chart's.
	MediaType string
	// Copy keeps the layer as one file instead of extracting it.
	Copy bool
	// Insecure speaks plain HTTP.
	Insecure bool
}

// Bucket are the settings of buckets alone.
type Bucket struct {
	Name, Prefix, Region string
	// Provider is "generic", "aws", "gcp" or "azure".
	Provider string
	// Insecure speaks plain HTTP.
	Insecure bool
}

// Ignore are rules in the grammar of .gitignore.
type Ignore struct {
	// Rules are lines of a .gitignore.
	Rules string
	// Files are the names of files in the tree whose rules count, such as
	// .sourceignore.
	Files string
	// Defaults are the rules where neither Rules nor a file has any, and Always
	// those that hold in any case.
	Defaults, Always string
}

// Verify says what signature content has to bear.
type Verify struct {
	// Commit and Tag demand a signature of the commit, and of the tag.
	Commit, Tag bool
	// GPG are armoured OpenPGP public keys; SSH are lines of public keys as in
	// authorized_keys. One good signature by one of them is enough.
	GPG, SSH []string
	// Provenance demands a .prov file of a Helm chart, signed by one of GPG.
	Provenance bool
}

// Ref names a revision. The first field that is set counts, in this order:
// Digest, Commit, Name, SemVer, Tag, Branch, Any. All empty is the default: HEAD
// of a Git repository, "latest" of an artifact, the highest version of a chart.
type Ref struct {
	// Digest is that of an artifact, as sha256:….
	Digest string
	// Commit is a full 40-digit hexadecimal commit id.
	Commit string
	// Name is a full ref name such as refs/heads/main or refs/pull/1/head.
	Name string
	// SemVer is a constraint; the highest tag or version that satisfies it is
	// meant.
	SemVer string
	// TagPrefix comes before the version in tags that SemVer selects, such as
	// "app/v".
	TagPrefix string
	// SemVerFilter is a regular expression for tags that SemVer may select.
	SemVerFilter string
	Tag          string
	Branch       string
	// Any is what Argo CD users write: a branch, a tag, a constraint, a (short)
	// commit id, HEAD, a chart version or a digest.
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
	GitHub   GitHubApp
	// DockerConfig is a .dockerconfigjson; several are separated by newlines.
	DockerConfig string
	// AccessKey, SecretKey and SessionToken are those of a bucket.
	AccessKey, SecretKey, SessionToken string
	// PassCredentials sends the credentials of a Helm repository to other hosts
	// that its index names, too.
	PassCredentials bool
}

// Anonymous reports whether there is nothing in it that says who we are. What it
// may have then is about whom we trust: known hosts and certificates.
func (a Auth) Anonymous() bool {
	a.KnownHosts, a.CA, a.Insecure, a.PassCredentials = "", "", false, false
	return a == Auth{}
}

// GitHubApp are the credentials of a GitHub App's installation.
type GitHubApp struct {
	ID, InstallationID string
	// Owner names the installation where InstallationID is not known.
	Owner string
	// PrivateKey is in PEM form.
	PrivateKey string
	// BaseURL is the API of a GitHub Enterprise; "" is github.com's.
	BaseURL string
}

// Proxy is an HTTP or SOCKS proxy.
type Proxy struct {
	// URL is http://, https:// or socks5://; "" is what the environment says.
	URL                string
	Username, Password string
	// Exempt are hosts that are asked directly, as in NO_PROXY.
	Exempt string
}

// String hides the credentials, so that none is ever printed.
func (p Proxy) String() string {
	if p.Username == "" && p.Password == "" && p.URL == "" {
		return "no proxy"
	}
	return "a proxy (hidden)"
}

// GoString hides the credentials from %#v.
func (p Proxy) GoString() string { return p.String() }

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
	// commit or digest was asked for.
	Ref string
	// Revision identifies the content: a full commit id, sha256:… of an artifact
	// or a bucket, the version of a chart.
	Revision string
	// Digest is sha256:… of what was fetched; "" for Git.
	Digest string
	// Commit is zero where the source is no Git repository.
	Commit Commit
	// Verified says who signed it; "" where no signature was asked for.
	Verified string
	// Metadata are the annotations of an OCI manifest.
	Metadata map[string]string
	Tree     Tree
}

// Tree is a read-only file tree with content hashes, rooted at the repository.
// Names are as in io/fs. Symbolic links are followed inside the tree; one that
// leads out of it is an error that satisfies errors.Is(err, fs.ErrInvalid). A
// submodule that is not read is an empty directory with the type
// fs.ModeDir|fs.ModeIrregular.
type Tree interface {
	fs.ReadFileFS
	fs.ReadDirFS
	fs.StatFS
	// Hash is the content hash of a file or directory: equal hashes, equal
	// content, recursively. fs.ErrNotExist if there is nothing.
	Hash(name string) (string, error)
}

// Revision is that of an app: the revisions of its snapshots, joined by commas.
func Revision(snapshots []*Snapshot) string {
	revisions := make([]string, len(snapshots))
	for i, s := range snapshots {
		revisions[i] = s.Revision
	}
	return strings.Join(revisions, ",")
}

// Equal reports whether two sources ask for the same in the same way.
func (s Source) Equal(o Source) bool { return reflect.DeepEqual(s, o) }
