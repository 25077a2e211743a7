package sops

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/keys"
	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

// decode reads manifests.
func decode(t *testing.T, file, text string) []model.Object {
	t.Helper()
	d := manifest.Decoder{File: file, Warnf: t.Logf, Malformed: func(place, _ string) { t.Fatal(place) }}
	objects, err := d.Objects([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestSecretValues decrypts what a generator put into a Secret.
func TestSecretValues(t *testing.T) {
	master, key := ageKey(t)
	r := rules{groups: [][]keys.MasterKey{{master}}}
	values := map[string]struct {
		format      formats.Format
		plain, want string
	}{
		"config.yaml":       {formats.Yaml, "a: s3cret\n", "a: s3cret\n"},
		"config.json":       {formats.Json, `{"a":"s3cret"}`, "{\n\t\"a\": \"s3cret\"\n}\n"},
		".env":              {formats.Dotenv, "A=s3cret\n", "A=s3cret\n"},
		"db.ini":            {formats.Ini, "[db]\na = s3cret\n", "[db]\na = s3cret\n"},
		"tls.key":           {formats.Binary, "s3cret\x00", "s3cret\x00"},
		".dockerconfigjson": {formats.Json, `{"auths":{}}`, "{\n\t\"auths\": {}\n}\n"},
		"my.dockerconfigjson": {formats.Yaml, "auths: {}\n",
			"{\n\t\"auths\": {}\n}\n"},
		"from-json.yaml": {formats.Json, `{"a":"s3cret"}`, "a: s3cret\n"},
		"no-ending":      {formats.Yaml, "a: s3cret\n", "a: s3cret\n"},
		"no-envelope":    {formats.Json, `{"a":"s3cret"}`, "{\n\t\"a\": \"s3cret\"\n}\n"},
	}
	data := map[string]string{"plain": base64.StdEncoding.EncodeToString([]byte("x")), "broken": "%%%"}
	for name, v := range values {
		data[name] = base64.StdEncoding.EncodeToString(encrypt(t, v.format, v.plain, r))
	}
	raw, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "data": data})
	if err != nil {
		t.Fatal(err)
	}
	in := decode(t, "f.json", string(raw))
	was := string(in[0].JSON)
	got, err := decrypter(t, map[string]model.Hidden{"me.agekey": key}).Objects(in)
	if err != nil {
		t.Fatal(err)
	}
	var o struct{ Data map[string]string }
	if err := json.Unmarshal(got[0].JSON, &o); err != nil {
		t.Fatal(err)
	}
	for name, v := range values {
		plain, err := base64.StdEncoding.DecodeString(o.Data[name])
		if err != nil || string(plain) != v.want {
			t.Errorf("%s: %q, want %q (%v)", name, plain, v.want, err)
		}
	}
	if o.Data["broken"] != "%%%" || o.Data["plain"] != data["plain"] {
		t.Error("values that are not encrypted were changed")
	}
	if got[0].Digest != model.DigestOf(got[0].JSON) || got[0].Origin != "f.json" || string(in[0].JSON) != was {
		t.Error("digest or origin is wrong, or the input was changed")
	}
}

// TestWholeObjects decrypts an object that no build has changed, and refuses one
// that was.
func TestWholeObjects(t *testing.T) {
	master, key := ageKey(t)
	data := encrypt(t, formats.Yaml, "apiVersion: v1\nkind: Secret\nmetadata:\n    name: s\nstringData:\n    a: s3cret\n    b: 1\n",
		rules{groups: [][]keys.MasterKey{{master}}, set: func(m *lib.Metadata) { m.EncryptedRegex = "^stringData$" }})
	d := decrypter(t, map[string]model.Hidden{"me.agekey": key})
	got, err := d.Objects(decode(t, "f.yaml", string(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"s3cret","b":1}}`
	if diff := cmp.Diff(want, string(got[0].JSON)); diff != "" {
		t.Error(diff)
	}
	changed := strings.Replace(string(data), "    name: s\n", "    name: s\n    namespace: other\n", 1)
	_, err = d.Objects(decode(t, "f.yaml", changed))
	if !errors.Is(err, model.ErrInvalid) || !strings.HasPrefix(err.Error(), "f.yaml: Secret/other/s: MAC mismatch") {
		t.Error(err)
	}
}

// TestOptOut leaves objects alone that ask for it, and Check lets them pass.
func TestOptOut(t *testing.T) {
	const annotation = "kustomize.toolkit.fluxcd.io/decrypt"
	text := func(annotations string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n" + annotations + "sops:\n  mac: ENC[x]\n"
	}
	out := decode(t, "f.yaml", text("  annotations: {"+annotation+": Disabled}\n"))
	got, err := decrypter(t, nil).Objects(out)
	if err != nil || &got[0] != &out[0] {
		t.Errorf("changed, or %v", err)
	}
	if err := Check(out, annotation); err != nil {
		t.Error(err)
	}
	in := decode(t, "dir/f.yaml", text(""))
	for _, a := range []string{annotation, ""} {
		if err := Check(in, a); !errors.Is(err, model.ErrInvalid) || !strings.HasPrefix(err.Error(), "dir/f.yaml: Secret/s: the Secret is encrypted by SOPS") {
			t.Error(err)
		}
	}
	other := decode(t, "f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\nsops: {enabled: true}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n")
	if err := Check(other, annotation); err != nil {
		t.Error(err)
	}
}

// TestTamperedSecretValue names the object and the key, and not the value.
func TestTamperedSecretValue(t *testing.T) {
	master, key := ageKey(t)
	blob := strings.Replace(string(encrypt(t, formats.Yaml, "a_unencrypted: x\nb: s3cret\n", rules{groups: [][]keys.MasterKey{{master}}})),
		"a_unencrypted: x", "a_unencrypted: y", 1)
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\ndata: {conf.yaml: " + base64.StdEncoding.EncodeToString([]byte(blob)) + "}\n"
	_, err := decrypter(t, map[string]model.Hidden{"me.agekey": key}).Objects(decode(t, "f.yaml", text))
	if err == nil || !strings.HasPrefix(err.Error(), "f.yaml: Secret/ns/s: data.conf.yaml: MAC mismatch") || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
}
