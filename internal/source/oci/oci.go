package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

// Puller gets the artifacts, or the chart, of one repository in a registry.
type Puller struct {
	settings fetch.Settings
	room     *archive.Room
	repo     *remote.Repository
	chart    bool
	layer    model.OCI
	verify   *model.Verify
	// ranges are references that turned out to be no tags.
	ranges map[string]bool
}

var _ fetch.Puller = (*Puller)(nil)

// maxTags is how many tags of a repository are looked at, in pages of 1,000.
const maxTags = 100_000

// New makes a Puller for the repository and credentials of src. Every error is
// model.ErrInvalid.
func New(src model.Source, s fetch.Settings, room *archive.Room) (*Puller, error) {
	ref, err := repository(src)
	if err != nil {
		return nil, err
	}
	if src.Verify != nil && (!src.Verify.Provenance || src.Chart == "") {
		return nil, model.Invalidf("signatures of artifacts can't be verified, but for the provenance of charts; remove verify")
	}
	login, err := loginFor(src.Auth, ref.Registry+"/"+ref.Repository)
	if err != nil {
		return nil, err
	}
	h, err := s.Client(ref.Host())
	if err != nil {
		return nil, err
	}
	return &Puller{
		settings: s, room: room, chart: src.Chart != "", layer: src.OCI, verify: src.Verify, ranges: map[string]bool{},
		repo: &remote.Repository{
			Client:    &client{http: h, host: ref.Host(), login: login, scope: "repository:" + ref.Repository + ":pull"},
			Reference: ref, PlainHTTP: src.OCI.Insecure,
			TagListPageSize: 1000, TagListMaxPages: maxTags / 1000, MaxMetadataBytes: 4 << 20,
		},
	}, nil
}

// repository is where a source points to.
func repository(src model.Source) (registry.Reference, error) {
	name, ok := strings.CutPrefix(src.URL, "oci://")
	if !ok {
		return registry.Reference{}, model.Invalidf("the URL of a registry begins with oci://")
	}
	name = strings.Trim(name, "/")
	if c := strings.Trim(src.Chart, "/"); c != "" && name != c && !strings.HasSuffix(name, "/"+c) {
		name += "/" + c
	}
	ref, err := registry.ParseReference(name)
	switch {
	case err != nil:
		return ref, model.Invalidf("it is no repository in a registry, such as oci://registry.example.com/team/app in lower case")
	case ref.Reference != "":
		return ref, model.Invalidf("it must not have a tag or a digest; they have fields of their own")
	}
	return ref, nil
}

// loginFor is what of the credentials counts for a repository: a token, a user,
// or what the .dockerconfigjson has for it.
func loginFor(a model.Auth, repository string) (fetch.Login, error) {
	switch {
	case a.BearerToken != "":
		return fetch.Login{RegistryToken: a.BearerToken}, nil
	case a.Username != "" || a.Password != "":
		return fetch.Login{Username: a.Username, Password: a.Password}, nil
	case a.DockerConfig != "":
		l, _, err := fetch.DockerLogin(a.DockerConfig, repository)
		return l, err
	}
	return fetch.Login{}, nil
}

// Pull looks at every want. The error is the first that may pass by itself or
// that has to do with the credentials.
func (p *Puller) Pull(ctx context.Context, have map[fetch.Want]*fetch.Got) (map[fetch.Want]fetch.Result, error) {
	out := map[fetch.Want]fetch.Result{}
	var place error
	look := &look{p: p}
	for want, old := range have {
		if old != nil && old.Pinned {
			out[want] = fetch.Result{Got: old}
			continue
		}
		got, err := look.pull(ctx, want.Ref, old)
		if err != nil {
			err = p.explain(err)
			out[want] = fetch.Result{Err: err}
			if place == nil && (errors.Is(err, model.ErrTransient) || errors.Is(err, model.ErrDenied)) {
				place = err
			}
			if errors.Is(err, model.ErrDenied) {
				return out, err
			}
			continue
		}
		out[want] = fetch.Result{Got: got}
	}
	return out, place
}

// explain gives an error of the registry its kind.
func (p *Puller) explain(err error) error {
	var answer *errcode.ErrorResponse
	what := "the registry " + p.repo.Reference.Host()
	switch {
	case errors.As(err, &answer):
		kind := fetch.Status(what, answer.StatusCode)
		if len(answer.Errors) > 0 && answer.Errors[0].Message != "" {
			kind = fmt.Errorf("%w: %s", kind, answer.Errors[0].Message)
		}
		err = kind
	case errors.Is(err, errdef.ErrNotFound) && !errors.Is(err, model.ErrNotFound):
		err = fetch.Status(p.repo.Reference.Repository, http.StatusNotFound)
	}
	return p.settings.Error(path.Base(p.repo.Reference.Repository), err)
}

// look is one round, in which the tags are listed once at most.
type look struct {
	p    *Puller
	tags []string
	done bool
}

// pull looks for the content of one ref.
func (l *look) pull(ctx context.Context, ref model.Ref, old *fetch.Got) (*fetch.Got, error) {
	tag, at, err := l.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	if old != nil && old.Digest == at.Digest.String() && old.Ref == tag && !old.Tree.Damaged() {
		return old, nil
	}
	got, err := l.p.fetch(ctx, at)
	if err != nil {
		return nil, err
	}
	got.Ref, got.Pinned = tag, tag == ""
	return got, nil
}

func sha256Digest(text string) (digest.Digest, error) {
	d, err := digest.Parse(text)
	if err != nil || d.Algorithm() != digest.SHA256 {
		return "", model.Invalidf("%q is no digest such as sha256:… with 64 hexadecimal digits", text)
	}
	return d, nil
}

// head asks what a tag or a digest stands for.
func (p *Puller) head(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	at, err := p.repo.Resolve(ctx, reference)
	var answer *errcode.ErrorResponse
	if err == nil || errors.As(err, &answer) || errors.Is(err, errdef.ErrNotFound) || ctx.Err() != nil {
		return at, err
	}
	// There are registries that say no digest to a HEAD.
	at, body, err := p.repo.FetchReference(ctx, reference)
	if err == nil {
		_ = body.Close()
	}
	return at, err
}
