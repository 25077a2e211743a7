package helmrepo

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
	"github.com/fixpoint-cd/fixpoint/internal/source/oci"
)

// maxProvenance bounds a chart's .prov file.
const maxProvenance = 1 << 20

func newSection(f *fetch.File) *io.SectionReader { return io.NewSectionReader(f, 0, f.Size) }

// fetchIndex gets the index, unless it is the one with that ETag or of that time;
// nil then.
func (p *Puller) fetchIndex(ctx context.Context, etag, modified string) (*index, error) {
	at := *p.base
	at.Path, at.RawPath = strings.TrimSuffix(at.Path, "/")+"/index.yaml", ""
	if p.base.RawPath != "" {
		at.RawPath = strings.TrimSuffix(p.base.RawPath, "/") + "/index.yaml"
	}
	header := http.Header{"Accept-Encoding": {"gzip"}}
	if etag != "" {
		header.Set("If-None-Match", etag)
	} else if modified != "" {
		header.Set("If-Modified-Since", modified)
	}
	resp, err := p.get(ctx, &at, header)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusNotModified && etag+modified != "" {
		return nil, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fetch.Status("the server "+p.base.Host, resp.StatusCode)
	}
	file, err := p.saveIndex(resp)
	if err != nil {
		return nil, err
	}
	return &index{file: file, digest: file.Digest, etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified")}, nil
}

// saveIndex puts the index into a file without a name, which is gone with the
// last who holds it.
func (p *Puller) saveIndex(resp *http.Response) (*fetch.File, error) {
	var body io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, model.Invalidf("the answer is no gzip, as it says: %w", err)
		}
		body = z
	}
	file, err := fetch.Download(p.room, body, p.maxIndex, "")
	if errors.Is(err, fetch.ErrTooLarge) {
		return nil, model.Invalidf("it is larger than the limit of %d bytes", p.maxIndex)
	}
	if err != nil {
		return nil, err
	}
	return file, os.Remove(file.Name())
}

// get asks for a URL, with the credentials if they are meant for it.
func (p *Puller) get(ctx context.Context, at *url.URL, header http.Header) (*http.Response, error) {
	if header == nil {
		header = http.Header{}
	}
	a := p.settings.Auth
	pass := a.PassCredentials && (at.Scheme == "https" || p.base.Scheme == "http")
	if pass || fetch.SameOrigin(p.base, at) {
		switch {
		case a.BearerToken != "":
			header.Set("Authorization", "Bearer "+a.BearerToken)
		case a.Username != "" || a.Password != "":
			header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password)))
		}
	}
	return fetch.Get(ctx, p.client, at.String(), header)
}

// resolve makes the URL of a chart whole: it may be relative to the repository,
// whose query it has then.
func (p *Puller) resolve(text string) (*url.URL, error) {
	ref, err := url.Parse(text)
	if err != nil {
		return nil, model.Invalidf("the index names a URL that can't be parsed")
	}
	base := *p.base
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	if base.RawPath != "" {
		base.RawPath = strings.TrimSuffix(base.RawPath, "/") + "/"
	}
	at := base.ResolveReference(ref)
	if !ref.IsAbs() {
		at.RawQuery = base.RawQuery
	}
	at.User = nil // what an index names is not logged in to
	switch at.Scheme {
	case "http", "https", "oci":
	default:
		return nil, model.Invalidf("the index names a URL with the scheme %q", at.Scheme)
	}
	if at.Host == "" {
		return nil, model.Invalidf("the index names a URL without a host")
	}
	return at, nil
}

// chart downloads and checks a chart.
func (p *Puller) chart(ctx context.Context, name string, v version, at *url.URL) (*fetch.Got, error) {
	if at.Scheme == "oci" {
		return p.registryChart(ctx, name, at)
	}
	digest := v.Digest
	if digest != "" && !strings.Contains(digest, ":") {
		digest = "sha256:" + digest
	}
	file, err := p.download(ctx, at, p.room.Limits.Compressed, strings.ToLower(digest))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	got := &fetch.Got{Digest: file.Digest}
	if p.verify != nil {
		if got.Verified, err = p.provenance(ctx, at, file.Digest); err != nil {
			return nil, err
		}
	}
	if got.Tree, err = p.room.Unpack(file, file.Size, true); err != nil {
		return nil, err
	}
	got.Revision, err = fetch.VersionOfChart(got.Tree)
	return got, err
}

func (p *Puller) download(ctx context.Context, at *url.URL, limit int64, digest string) (*fetch.File, error) {
	resp, err := p.get(ctx, at, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fetch.Status(path.Base(at.Path)+" at "+at.Host, resp.StatusCode)
	}
	file, err := fetch.Download(p.room, resp.Body, limit, digest)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", path.Base(at.Path), at.Host, err)
	}
	return file, nil
}

// provenance verifies a chart by the .prov file beside it.
func (p *Puller) provenance(ctx context.Context, at *url.URL, digest string) (string, error) {
	beside := *at
	beside.Path, beside.RawPath = at.Path+".prov", ""
	file, err := p.download(ctx, &beside, maxProvenance, "")
	if err != nil {
		return "", fmt.Errorf("the chart's provenance is to be verified: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(newSection(file))
	if err != nil {
		return "", err
	}
	return fetch.VerifyChart(p.verify.GPG, text, digest, path.Base(at.Path))
}

// registryChart gets a chart that the index says to be in a registry.
func (p *Puller) registryChart(ctx context.Context, name string, at *url.URL) (*fetch.Got, error) {
	repository, tag, _ := strings.Cut(at.Path, ":")
	src := model.Source{Kind: model.SourceOCI, URL: "oci://" + at.Host + repository, Chart: path.Base(repository), Verify: p.verify}
	s := p.settings
	if !s.Auth.PassCredentials && !strings.EqualFold(at.Host, p.base.Host) {
		s.Auth = model.Auth{CA: s.Auth.CA, Insecure: s.Auth.Insecure}
	}
	src.Auth = s.Auth
	puller, err := oci.New(src, s, p.room)
	if err != nil {
		return nil, err
	}
	want := fetch.Want{Ref: model.Ref{Tag: tag}, Chart: name}
	out, err := puller.Pull(ctx, map[fetch.Want]*fetch.Got{want: nil})
	if err != nil {
		return nil, err
	}
	return out[want].Got, out[want].Err
}
