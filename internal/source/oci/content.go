package oci

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

// The media types of what helm push makes.
const (
	chartLayer      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	provenanceLayer = "application/vnd.cncf.helm.chart.provenance.v1.prov"
	dockerManifest  = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList      = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// maxManifest bounds a manifest, and maxProvenance a signature of a chart.
const (
	maxManifest   = 4 << 20
	maxProvenance = 1 << 20
)

// fetch gets the content of a manifest.
func (p *Puller) fetch(ctx context.Context, at ocispec.Descriptor) (*fetch.Got, error) {
	m, err := p.manifest(ctx, at)
	if err != nil {
		return nil, err
	}
	layer, err := p.choose(m)
	if err != nil {
		return nil, err
	}
	file, err := p.download(ctx, layer, p.room.Limits.Compressed)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", layer.Digest, err)
	}
	defer func() { _ = file.Close() }()
	got := &fetch.Got{Revision: at.Digest.String(), Digest: at.Digest.String(), Metadata: m.Annotations}
	if p.verify != nil {
		if got.Verified, err = p.provenance(ctx, m, file); err != nil {
			return nil, err
		}
	}
	if got.Tree, err = p.tree(layer, file); err != nil {
		return nil, fmt.Errorf("layer %s: %w", layer.Digest, err)
	}
	if p.chart {
		got.Revision, err = fetch.VersionOfChart(got.Tree)
	}
	return got, err
}

// manifest gets a manifest; of an index the one that is meant.
func (p *Puller) manifest(ctx context.Context, at ocispec.Descriptor) (*ocispec.Manifest, error) {
	switch at.MediaType {
	case ocispec.MediaTypeImageIndex, dockerList:
		var index ocispec.Index
		if err := p.decode(ctx, at, &index); err != nil {
			return nil, err
		}
		inner, err := pick(index.Manifests)
		if err != nil {
			return nil, err
		}
		at = inner
	}
	switch at.MediaType {
	case ocispec.MediaTypeImageManifest, dockerManifest:
	default:
		return nil, model.Invalidf("manifests of the media type %q are not supported", at.MediaType)
	}
	var m ocispec.Manifest
	return &m, p.decode(ctx, at, &m)
}

func (p *Puller) decode(ctx context.Context, at ocispec.Descriptor, into any) error {
	if at.Size > maxManifest {
		return model.Invalidf("the manifest has more than %d bytes", maxManifest)
	}
	r, err := p.repo.Manifests().Fetch(ctx, at)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	data, err := content.ReadAll(r, at) // checks the digest
	if err != nil {
		return fmt.Errorf("manifest %s: %w", at.Digest, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return model.Invalidf("the manifest %s can't be read: %w", at.Digest, err)
	}
	return nil
}

// pick chooses from an index: what is made for no platform, or for linux/amd64,
// or the only one.
func pick(all []ocispec.Descriptor) (ocispec.Descriptor, error) {
	var amd64 *ocispec.Descriptor
	for i, d := range all {
		switch {
		case d.Platform == nil:
			return d, nil
		case d.Platform.OS == "linux" && d.Platform.Architecture == "amd64" && amd64 == nil:
			amd64 = &all[i]
		}
	}
	if amd64 != nil {
		return *amd64, nil
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return ocispec.Descriptor{}, model.Invalidf("it is an index of %d manifests, of which none is for no platform or for linux/amd64; ask for a digest", len(all))
}

// choose finds the layer that holds the content.
func (p *Puller) choose(m *ocispec.Manifest) (ocispec.Descriptor, error) {
	want := p.layer.MediaType
	if p.chart && want == "" {
		want = chartLayer
	}
	for _, l := range m.Layers {
		if want == "" || l.MediaType == want {
			return l, nil
		}
	}
	switch {
	case len(m.Layers) == 0:
		return ocispec.Descriptor{}, model.Invalidf("the artifact has no layers")
	case p.chart && p.layer.MediaType == "":
		return ocispec.Descriptor{}, model.Invalidf("the artifact is no Helm chart: it has no layer of the media type %s", chartLayer)
	}
	var types []string
	for _, l := range m.Layers[:min(len(m.Layers), 10)] {
		types = append(types, l.MediaType)
	}
	return ocispec.Descriptor{}, model.Invalidf("the artifact has no layer of the media type %q, but %s", want, strings.Join(types, ", "))
}

func (p *Puller) download(ctx context.Context, layer ocispec.Descriptor, limit int64) (*fetch.File, error) {
	if _, err := sha256Digest(layer.Digest.String()); err != nil {
		return nil, err
	}
	if layer.Size > limit {
		return nil, model.Invalidf("it has %d bytes, more than the limit of %d", layer.Size, limit)
	}
	r, err := p.repo.Blobs().Fetch(ctx, layer)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return fetch.Download(p.room, r, limit, layer.Digest.String())
}

// tree makes the tree of a layer: an archive's content, or the layer as a file.
func (p *Puller) tree(layer ocispec.Descriptor, file *fetch.File) (*archive.Tree, error) {
	form, err := archive.FormOf(file)
	if err != nil {
		return nil, err
	}
	if p.chart || !p.layer.Copy && form != archive.Plain {
		return p.room.Unpack(file, file.Size, p.chart)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return p.room.One(fileName(layer), file)
}

// fileName is what a layer that is a file is called: by its title, as oras push
// writes it, or "layer".
func fileName(layer ocispec.Descriptor) string {
	name := path.Base(path.Clean("/" + strings.ReplaceAll(layer.Annotations[ocispec.AnnotationTitle], `\`, "/")))
	if name == "/" {
		return "layer"
	}
	return name
}

// provenance verifies a chart by the signature that was pushed with it.
func (p *Puller) provenance(ctx context.Context, m *ocispec.Manifest, chart *fetch.File) (string, error) {
	for _, l := range m.Layers {
		if l.MediaType != provenanceLayer {
			continue
		}
		file, err := p.download(ctx, l, maxProvenance)
		if err != nil {
			return "", fmt.Errorf("provenance: %w", err)
		}
		defer func() { _ = file.Close() }()
		text, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size))
		if err != nil {
			return "", err
		}
		return fetch.VerifyChart(p.verify.GPG, text, chart.Digest, "")
	}
	return "", model.As(model.ErrDenied, fmt.Errorf("the chart was pushed without a provenance file, and its signature is to be verified; push it signed, or remove verify"))
}
