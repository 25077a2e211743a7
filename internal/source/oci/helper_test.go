package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/ocitest"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

func serve(t *testing.T, o ocitest.Options) *ocitest.Server {
	t.Helper()
	o.Dir = t.TempDir()
	s, err := ocitest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// must is the value of a call that has to succeed.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// source is what has to be said of a registry without TLS.
func source(s *ocitest.Server, repository string) model.Source {
	return model.Source{Kind: model.SourceOCI, URL: s.URL(repository), OCI: model.OCI{Insecure: s.CA == ""}, Auth: model.Auth{CA: s.CA}}
}

type puller struct {
	*Puller
	requests atomic.Int64
}

func open(t *testing.T, src model.Source, limits archive.Limits) *puller {
	t.Helper()
	p := &puller{}
	room := must[*archive.Room](t)(archive.OpenRoom(t.TempDir(), limits))
	p.Puller = must[*Puller](t)(New(src, fetch.Settings{Auth: src.Auth, Proxy: src.Proxy, Requests: &p.requests}, room))
	return p
}

func (p *puller) pull(t *testing.T, ref model.Ref, have *fetch.Got) (*fetch.Got, error) {
	t.Helper()
	want := fetch.Want{Ref: ref}
	out, err := p.Pull(context.Background(), map[fetch.Want]*fetch.Got{want: have})
	r, ok := out[want]
	if !ok {
		return nil, err
	}
	if err != nil && r.Err == nil {
		t.Fatalf("an error of the place, %v, and none of its only want", err)
	}
	return r.Got, r.Err
}

func (p *puller) good(t *testing.T, ref model.Ref, have *fetch.Got) *fetch.Got {
	t.Helper()
	got, err := p.pull(t, ref, have)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// bad is pull with the claim that it fails with this kind and text.
func (p *puller) bad(t *testing.T, ref model.Ref, kind error, text string) string {
	t.Helper()
	_, err := p.pull(t, ref, nil)
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want an error of the kind %q with %q", err, kind, text)
	}
	return err.Error()
}

func files(t *testing.T, tree *archive.Tree) string {
	t.Helper()
	var out []string
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := tree.ReadFile(name)
		out = append(out, name+"="+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func chartOf(name, version string) []byte {
	return ocitest.TarGz(map[string]string{
		name + "/Chart.yaml":  "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n",
		name + "/values.yaml": "a: 1\n",
	})
}

func wants(refs ...model.Ref) map[fetch.Want]*fetch.Got {
	out := map[fetch.Want]*fetch.Got{}
	for _, ref := range refs {
		out[fetch.Want{Ref: ref}] = nil
	}
	return out
}

// signer makes a key, and signs charts with it as helm package --sign does.
func signer(t *testing.T) (public string, sign func(file string, archive []byte) []byte) {
	t.Helper()
	e := must[*openpgp.Entity](t)(openpgp.NewEntity("Tester", "", "tester@example.com", nil))
	var key bytes.Buffer
	w := must[io.WriteCloser](t)(armor.Encode(&key, openpgp.PublicKeyType, nil))
	if err := errors.Join(e.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return key.String(), func(file string, archive []byte) []byte {
		var out bytes.Buffer
		w := must[io.WriteCloser](t)(clearsign.Encode(&out, e.PrivateKey, nil))
		_, err := fmt.Fprintf(w, "name: web\n\n...\nfiles:\n  %s: sha256:%x\n", file, sha256.Sum256(archive))
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
}
