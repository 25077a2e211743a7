package ocitest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// The media types of Flux's artifacts and of Helm's charts.
const (
	FluxConfig   = "application/vnd.cncf.flux.config.v1+json"
	FluxContent  = "application/vnd.cncf.flux.content.v1.tar+gzip"
	HelmConfig   = "application/vnd.cncf.helm.config.v1+json"
	HelmChart    = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	HelmProvided = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

// Layer is a layer of an artifact.
type Layer struct {
	MediaType   string
	Data        []byte
	Annotations map[string]string
}

// TarGz packs files, by their names, as flux and helm do.
func TarGz(files map[string]string) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		// Writing to memory does not fail.
		_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))})
		_, _ = w.Write([]byte(files[name]))
	}
	_ = w.Close()
	_ = z.Close()
	return out.Bytes()
}

// PushFiles pushes files as flux push artifact does, and returns the digest of
// the manifest.
func (s *Server) PushFiles(ctx context.Context, repository, tag string, files, annotations map[string]string) (string, error) {
	return s.Push(ctx, repository, tag, FluxConfig, annotations, Layer{MediaType: FluxContent, Data: TarGz(files)})
}

// PushChart pushes a chart as helm push does: the files are those in its folder,
// which has the name of the repository's last part. provenance may be nil.
func (s *Server) PushChart(ctx context.Context, repository, version string, archive, provenance []byte) (string, error) {
	layers := []Layer{{MediaType: HelmChart, Data: archive}}
	if provenance != nil {
		layers = append(layers, Layer{MediaType: HelmProvided, Data: provenance})
	}
	return s.Push(ctx, repository, strings.ReplaceAll(version, "+", "_"), HelmConfig, nil, layers...)
}

// Push pushes an artifact.
func (s *Server) Push(ctx context.Context, repository, tag, config string, annotations map[string]string, layers ...Layer) (string, error) {
	store := memory.New()
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Annotations: annotations,
		Config: describe(config, []byte("{}")),
	}
	if err := add(ctx, store, manifest.Config, []byte("{}")); err != nil {
		return "", err
	}
	for _, l := range layers {
		d := describe(l.MediaType, l.Data)
		d.Annotations = l.Annotations
		if err := add(ctx, store, d, l.Data); err != nil {
			return "", err
		}
		manifest.Layers = append(manifest.Layers, d)
	}
	return s.PushManifest(ctx, store, repository, tag, ocispec.MediaTypeImageManifest, encode(manifest))
}

// PushIndex pushes an index of manifests that are in the repository; each digest
// has a platform as os/architecture, or "".
func (s *Server) PushIndex(ctx context.Context, repository, tag string, digests []string, platforms []string) (string, error) {
	repo, err := s.repository(repository)
	if err != nil {
		return "", err
	}
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for i, d := range digests {
		at, err := repo.Resolve(ctx, d)
		if err != nil {
			return "", err
		}
		if system, arch, ok := strings.Cut(platforms[i], "/"); ok {
			at.Platform = &ocispec.Platform{OS: system, Architecture: arch}
		}
		index.Manifests = append(index.Manifests, at)
	}
	text := encode(index)
	at := describe(ocispec.MediaTypeImageIndex, text)
	return at.Digest.String(), repo.PushReference(ctx, at, bytes.NewReader(text), tag)
}

// PushManifest pushes a manifest as it is, and what it names from a store.
func (s *Server) PushManifest(ctx context.Context, store oras.Target, repository, tag, mediaType string, text []byte) (string, error) {
	repo, err := s.repository(repository)
	if err != nil {
		return "", err
	}
	at := describe(mediaType, text)
	if err := add(ctx, store, at, text); err != nil {
		return "", err
	}
	if err := store.Tag(ctx, at, tag); err != nil {
		return "", err
	}
	if _, err := oras.Copy(ctx, store, tag, repo, tag, oras.DefaultCopyOptions); err != nil {
		return "", fmt.Errorf("pushing %s:%s: %w", repository, tag, err)
	}
	return at.Digest.String(), nil
}

// Tag gives what a tag stands for another tag, too.
func (s *Server) Tag(ctx context.Context, repository, from, to string) error {
	repo, err := s.repository(repository)
	if err != nil {
		return err
	}
	at, err := repo.Resolve(ctx, from)
	if err != nil {
		return err
	}
	return repo.Tag(ctx, at, to)
}

func (s *Server) repository(name string) (*remote.Repository, error) {
	repo, err := remote.NewRepository(s.Host + "/" + name)
	if err != nil {
		return nil, err
	}
	repo.PlainHTTP = !s.options.TLS
	repo.Client = &auth.Client{
		Client:     s.http.Client(),
		Credential: auth.StaticCredential(s.Host, auth.Credential{Username: s.options.Username, Password: s.options.Password}),
	}
	return repo, nil
}

// encode writes what always has a JSON form.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func describe(mediaType string, data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

func add(ctx context.Context, store oras.Target, at ocispec.Descriptor, data []byte) error {
	if there, err := store.Exists(ctx, at); err != nil || there {
		return err
	}
	return store.Push(ctx, at, bytes.NewReader(data))
}
