package bucket

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
	"github.com/fixpoint-cd/fixpoint/internal/source/ignore"
)

// Puller gets the objects of one bucket. There is one Want, the zero value: a
// bucket has no refs.
type Puller struct {
	settings fetch.Settings
	room     *archive.Room
	client   minio.Core
	caps     *caps
	bucket   model.Bucket
	ignore   *model.Ignore
	// part is what a look had got when its time was over.
	part *fetch.Got
}

var _ fetch.Puller = (*Puller)(nil)

// New makes a Puller for the bucket and credentials of src. Every error is
// model.ErrInvalid.
func New(src model.Source, s fetch.Settings, room *archive.Room) (*Puller, error) {
	if src.Verify != nil {
		return nil, model.Invalidf("the content of buckets bears no signatures; remove verify")
	}
	switch src.Bucket.Provider {
	case "", "generic", "aws", "gcp":
	case "azure":
		return nil, model.Invalidf("Azure Blob Storage is not supported: it does not speak S3; put the files into an OCI artifact or a Git repository")
	default:
		return nil, model.Invalidf("the provider %q is not known; use generic, aws or gcp", src.Bucket.Provider)
	}
	at, err := endpoint(src)
	if err != nil {
		return nil, err
	}
	transport, err := s.Transport(at.Host)
	if err != nil {
		return nil, err
	}
	limits := &caps{next: transport, pages: int64(room.Limits.Entries)/10 + 10}
	options := &minio.Options{
		Creds: login(src.Auth), Secure: at.Scheme == "https", Transport: limits, Region: src.Bucket.Region, MaxRetries: 1,
	}
	client, err := minio.NewCore(at.Host, options)
	if err != nil {
		return nil, model.Invalidf("the endpoint can't be used: %s", s.Redact(err.Error()))
	}
	return &Puller{settings: s, room: room, client: *client, caps: limits, bucket: src.Bucket, ignore: src.Ignore}, nil
}

// endpoint is where the server is.
func endpoint(src model.Source) (*url.URL, error) {
	raw := src.URL
	if !strings.Contains(raw, "://") {
		scheme := "https://"
		if src.Bucket.Insecure {
			scheme = "http://"
		}
		raw = scheme + raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, model.Invalidf("the endpoint of a bucket is a host, such as s3.example.com:9000, or begins with https:// or http://")
	case strings.Trim(u.Path, "/") != "":
		return nil, model.Invalidf("the endpoint of a bucket has no path; the bucket's name and a prefix have fields of their own")
	case src.Bucket.Name == "":
		return nil, model.Invalidf("the name of the bucket is missing")
	case u.Scheme == "http" && !src.Bucket.Insecure:
		return nil, model.Invalidf("the endpoint has no TLS; say insecure to use it all the same")
	}
	return u, nil
}

// login are the keys of a source; without any, requests are not signed.
func login(a model.Auth) *credentials.Credentials {
	if a.AccessKey == "" && a.SecretKey == "" {
		return credentials.New(&credentials.Static{Value: credentials.Value{SignerType: credentials.SignatureAnonymous}})
	}
	return credentials.NewStaticV4(a.AccessKey, a.SecretKey, a.SessionToken)
}

// Pull looks at the bucket.
func (p *Puller) Pull(ctx context.Context, have map[fetch.Want]*fetch.Got) (map[fetch.Want]fetch.Result, error) {
	out := map[fetch.Want]fetch.Result{}
	for want, old := range have {
		if want.Ref != (model.Ref{}) {
			out[want] = fetch.Result{Err: model.Invalidf("a bucket has no refs; remove the revision")}
			continue
		}
		got, err := p.pull(ctx, old)
		if err != nil {
			err = p.explain(err)
			out[want] = fetch.Result{Err: err}
			return out, err
		}
		out[want] = fetch.Result{Got: got}
	}
	return out, nil
}

// explain gives an error of the server its kind.
func (p *Puller) explain(err error) error {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.StatusCode != 0 {
		what := fetch.Status("the server", answer.StatusCode)
		if answer.StatusCode == http.StatusForbidden && p.settings.Auth.AccessKey == "" {
			what = fmt.Errorf("%w; no access key is configured, and a machine's own identity is not used", what)
		}
		err = fmt.Errorf("%w: %s", what, answer.Message)
	}
	return p.settings.Error("bucket "+p.bucket.Name, err)
}

func (p *Puller) pull(ctx context.Context, old *fetch.Got) (*fetch.Got, error) {
	p.caps.begin()
	objects, err := p.list(ctx)
	if err != nil {
		return nil, err
	}
	rules, err := p.rules(ctx, objects, old)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(objects, func(key, _ string) bool { return !p.isRules(key) && rules.Ignore(clean(key), false) })
	if old != nil && maps.Equal(old.Marks, objects) && !old.Tree.Damaged() {
		return old, nil
	}
	tree, err := p.build(ctx, objects, old)
	if err != nil {
		return nil, err
	}
	p.part = nil
	revision := p.revision(objects)
	return &fetch.Got{Revision: revision, Digest: revision, Tree: tree, Marks: objects}, nil
}

// revision is the digest of the list of objects.
func (p *Puller) revision(objects map[string]string) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if !p.isRules(key) {
			fmt.Fprintf(h, "%s %s\n", key, objects[key])
		}
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil))
}

// isRules reports whether an object is the bucket's own file with rules.
func (p *Puller) isRules(key string) bool {
	return p.ignore != nil && p.ignore.Files != "" && key == p.ignore.Files
}

// list are the ETags of all objects below the prefix.
func (p *Puller) list(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := map[string]string{}
	options := minio.ListObjectsOptions{Prefix: p.bucket.Prefix, Recursive: true}
	for o := range p.client.ListObjectsIter(ctx, p.bucket.Name, options) {
		if o.Err != nil {
			return nil, o.Err
		}
		if strings.HasSuffix(o.Key, "/") {
			continue
		}
		if !strings.HasPrefix(o.Key, p.bucket.Prefix) {
			return nil, model.As(model.ErrTransient, fmt.Errorf("the server lists %q, which does not begin with the prefix", o.Key))
		}
		if out[o.Key] = o.ETag; len(out) > p.room.Limits.Entries {
			return nil, model.Invalidf("it has more than %d objects; set a prefix", p.room.Limits.Entries)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.ignore != nil && p.ignore.Files != "" && p.bucket.Prefix != "" {
		return out, p.addRules(ctx, out)
	}
	return out, nil
}

// addRules adds the bucket's own file with rules, where the prefix leaves it out.
func (p *Puller) addRules(ctx context.Context, objects map[string]string) error {
	st, err := p.client.StatObject(ctx, p.bucket.Name, p.ignore.Files, minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
		return nil
	}
	if err == nil {
		objects[p.ignore.Files] = st.ETag
	}
	return err
}

// rules are those of the bucket's own file and the source's.
func (p *Puller) rules(ctx context.Context, objects map[string]string, old *fetch.Got) (ignore.Rules, error) {
	if p.ignore == nil {
		return nil, nil
	}
	var text []byte
	etag, ok := objects[p.ignore.Files]
	if ok && p.ignore.Files != "" {
		var err error
		if old != nil && old.Marks[p.ignore.Files] == etag {
			text, err = old.Tree.ReadFile(p.ignore.Files)
		}
		if text == nil || err != nil {
			text, err = p.read(ctx, p.ignore.Files)
		}
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(ignore.Parse(string(text), "."), ignore.Parse(p.ignore.Rules, ".")), nil
}

// clean is a key as a path, for rules.
func clean(key string) string { return strings.Trim(key, "/") }
