package sops

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/keys"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const manifestText = `# what it is for
apiVersion: v1
kind: Secret
metadata:
    name: web
    labels:
        app: web # inline
stringData:
    # a comment
    password: s3cret
    user: admin
    yes: "yes"
    empty: ""
    lines: |
        one
        two
numbers:
    - 1
    - 1.5
    - 1e3
    - true
    # inside
    - null
    - 2024-01-02T03:04:05Z
    - - nested
    - a: b
      c: [d, {e: f}]
`

const dotenvText = "# comment\nUSER=admin\nPASSWORD=s3cret=1\nLINES=one\\ntwo\nEMPTY=\n"

const iniText = "top = 1\n\n; of the section\n[db]\nuser = admin\n; of the key\npassword = s3cret\n\n[other]\nx = y\n"

func TestFileAsSops(t *testing.T) {
	tests := map[string]struct {
		name   string
		format formats.Format
		plain  string
		set    func(*lib.Metadata)
	}{
		"yaml":                 {name: "a.yaml", format: formats.Yaml, plain: manifestText},
		"yml":                  {name: "a.yml", format: formats.Yaml, plain: "a: 1\nb: [x, y]\n"},
		"several documents":    {name: "a.yaml", format: formats.Yaml, plain: manifestText + "---\n# second\na: 1\n---\nb: {c: d}\n"},
		"json":                 {name: "a.json", format: formats.Json, plain: `{"z":1,"a":[true,null,1.5,"s3cret",{"b":{}},[]],"<":"é\u2028"}`},
		"dotenv":               {name: "a.env", format: formats.Dotenv, plain: dotenvText},
		"ini":                  {name: "a.ini", format: formats.Ini, plain: iniText},
		"binary":               {name: "a.key", format: formats.Binary, plain: "s3cret\x00\x01\n---\n"},
		"dockerconfigjson":     {name: ".dockerconfigjson", format: formats.Json, plain: `{"auths":{"example.com":{"auth":"s3cret"}}}`},
		"encrypted_regex":      {name: "a.yaml", format: formats.Yaml, plain: manifestText, set: func(m *lib.Metadata) { m.EncryptedRegex = "^(data|stringData)$" }},
		"unencrypted_regex":    {name: "a.yaml", format: formats.Yaml, plain: manifestText, set: func(m *lib.Metadata) { m.UnencryptedRegex = "^(apiVersion|kind|metadata)$" }},
		"encrypted_suffix":     {name: "a.yaml", format: formats.Yaml, plain: "a_enc: s3cret\nb: c\nd_enc: {e: [1]}\n", set: func(m *lib.Metadata) { m.EncryptedSuffix = "_enc" }},
		"unencrypted_suffix":   {name: "a.yaml", format: formats.Yaml, plain: "a_plain: x\nb: c\n", set: func(m *lib.Metadata) { m.UnencryptedSuffix = "_plain" }},
		"the default suffix":   {name: "a.json", format: formats.Json, plain: `{"a_unencrypted":{"b":1},"c":2}`},
		"encrypted comments":   {name: "a.yaml", format: formats.Yaml, plain: "a: b\n# encrypt me\nc: s3cret\nd:\n    # encrypt me\n    e: f\n    g: h\n", set: func(m *lib.Metadata) { m.EncryptedCommentRegex = "encrypt me" }},
		"unencrypted comments": {name: "a.yaml", format: formats.Yaml, plain: "a: b\n# public\nc: d\ne:\n    - 1\n    # public\n    - 2\n    - 3\n", set: func(m *lib.Metadata) { m.UnencryptedCommentRegex = "public" }},
		"mac_only_encrypted":   {name: "a.yaml", format: formats.Yaml, plain: manifestText, set: func(m *lib.Metadata) { m.EncryptedRegex = "^stringData$"; m.MACOnlyEncrypted = true }},
		"mac_only, dotenv":     {name: "a.env", format: formats.Dotenv, plain: dotenvText, set: func(m *lib.Metadata) { m.EncryptedRegex = "PASS"; m.MACOnlyEncrypted = true }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			master, key := ageKey(t)
			data := encrypt(t, tt.format, tt.plain, rules{groups: [][]keys.MasterKey{{master}}, set: tt.set})
			if bytes.Contains(data, []byte("s3cret")) {
				t.Fatal("nothing was encrypted")
			}
			got, err := decrypter(t, map[string]model.Hidden{"me.agekey": key}).File(tt.name, data)
			if err != nil {
				t.Fatal(err)
			}
			want := oracle(t, tt.format, data, key)
			if diff := cmp.Diff(canonical(t, tt.name, want), canonical(t, tt.name, string(got))); diff != "" {
				t.Errorf("%s\n%s", diff, got)
			}
		})
	}
}

var notes = regexp.MustCompile(`(?m)^[ \t]*[#;].*\n`)

// canonical takes out comments and what does not count in YAML.
func canonical(t *testing.T, name, text string) string {
	t.Helper()
	if !strings.HasSuffix(name, ".yaml") {
		if strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".key") {
			return text
		}
		return notes.ReplaceAllString(text, "")
	}
	var out strings.Builder
	for _, doc := range splitYAML([]byte(text)) {
		j, err := yaml.YAMLToJSON(doc)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(string(j) + "\n")
	}
	return out.String()
}

// TestLeftAlone are files that SOPS has not encrypted, whatever they say.
func TestLeftAlone(t *testing.T) {
	for name, text := range map[string]string{
		"plain.yaml":    "a: b\n",
		"values.yaml":   "sops:\n  enabled: true\n  hint: ENC[x]\n",
		"nested.yaml":   "data:\n  x: |\n    sops:\n      mac: ENC[AES256_GCM,data:x]\n",
		"broken.yaml":   "sops ENC[ {{ .Values }}\n",
		"plain.json":    `{"sops": "no", "x": "ENC["}`,
		"plain.env":     "SOPS_MAC=ENC[\nsops=1",
		"config.ini":    "[soapsops]\nx=ENC[",
		"image.png":     "\x89PNG sops ENC[",
		"opts-out.yaml": "metadata: {annotations: {kustomize.toolkit.fluxcd.io/decrypt: Disabled}}\nsops: {mac: 'ENC[x]'}\n",
		"opts-out.json": `{"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/decrypt": "disabled"}}, "sops": {"mac": "ENC[x]"}}`,
	} {
		got, err := decrypter(t, nil).File(name, []byte(text))
		if err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestMixed has plain and separately encrypted documents in one file.
func TestMixed(t *testing.T) {
	first, firstKey := ageKey(t)
	second, secondKey := ageKey(t)
	one := encrypt(t, formats.Yaml, "a: one\n", rules{groups: [][]keys.MasterKey{{first}}})
	two := encrypt(t, formats.Yaml, "a: two\n", rules{groups: [][]keys.MasterKey{{second}}})
	text := "# first\nplain: yes\n---\n{{ no YAML }}: sops\n---\n" + string(one) + "---\n" + string(two) + "...\n--- # last\nalso: 0x1F\n"
	d := decrypter(t, map[string]model.Hidden{"1.agekey": firstKey, "2.agekey": secondKey})
	got, err := d.File("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := "# first\nplain: yes\n---\n{{ no YAML }}: sops\n---\na: one\n---\na: two\n--- # last\nalso: 0x1F\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestTampered: SOPS MAC verification. Every change has to be noticed, and the
// error may not hold what the file holds.
func TestTampered(t *testing.T) {
	master, key := ageKey(t)
	d := decrypter(t, map[string]model.Hidden{"me.agekey": key})
	data := string(encrypt(t, formats.Yaml, "kind: Secret\nstringData:\n    a: s3cret1\n    b: s3cret2\n",
		rules{groups: [][]keys.MasterKey{{master}}, set: func(m *lib.Metadata) { m.EncryptedRegex = "^stringData$" }}))
	other := string(encrypt(t, formats.Yaml, "stringData:\n    a: s3cret3\n", rules{groups: [][]keys.MasterKey{{master}}}))
	line := func(text, key string) string { return regexp.MustCompile(`(?m)^ *` + key + `: .*\n`).FindString(text) }
	a, b := line(data, "a"), line(data, "b")
	head, metadata, ok := strings.Cut(data, "sops:")
	_, otherMetadata, otherOK := strings.Cut(other, "sops:")
	beforeKeys, _, hasKeys := strings.Cut(data, "    age:")
	if !ok || !otherOK || !hasKeys {
		t.Fatal("no metadata")
	}
	const mac, moved = "MAC mismatch", "can't be decrypted"
	for name, tt := range map[string]struct{ text, want string }{
		"plain value":            {strings.Replace(data, "kind: Secret", "kind: ConfigMap", 1), mac},
		"plain value added":      {"new: x\n" + data, mac},
		"value removed":          {strings.Replace(data, b, "", 1), mac},
		"values exchanged":       {strings.NewReplacer("a: ENC", "b: ENC", "b: ENC", "a: ENC").Replace(data), moved},
		"order":                  {strings.Replace(strings.Replace(data, b, "", 1), a, b+a, 1), mac},
		"value of another file":  {strings.Replace(data, a, line(other, "a"), 1), moved},
		"value made plain":       {strings.Replace(data, a, "    a: mine\n", 1), "is not encrypted"},
		"value made a number":    {strings.Replace(data, a, "    a: 1\n", 1), "is not encrypted"},
		"value emptied":          {strings.Replace(data, a, "    a: \"\"\n", 1), mac},
		"rules":                  {strings.Replace(data, "encrypted_regex: ^stringData$", "encrypted_regex: ^nothing$", 1), mac},
		"date":                   {strings.Replace(data, line(data, "lastmodified"), "    lastmodified: \"2001-01-01T00:00:00Z\"\n", 1), mac},
		"MAC of another file":    {strings.Replace(data, line(data, "mac"), line(other, "mac"), 1), mac},
		"no MAC":                 {strings.Replace(data, line(data, "mac"), "    mac: \"\"\n", 1), mac},
		"document added":         {data + "---\nstringData:\n    c: d\nsops:" + metadata, "is not encrypted"},
		"mac_only_encrypted":     {data + "    mac_only_encrypted: true\n", mac},
		"two rules":              {data + "    unencrypted_suffix: _x\n", "two rules"},
		"key of another file":    {head + "sops:" + otherMetadata, "is not encrypted"},
		"no list of keys":        {beforeKeys + "    mac: ENC[x]\n", "name no key"},
		"a key twice":            {"kind: x\n" + data, "a key stands there twice"},
		"an endless alias":       {"x: &x [*x]\n" + data, "alias"},
		"metadata are no fields": {"sops: {mac: 'ENC[x]', age: 1}\n", "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.text == data {
				t.Fatal("the case changes nothing")
			}
			got, err := d.File("dir/a.yaml", []byte(tt.text))
			if err == nil {
				t.Fatalf("no error; %s", got)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "dir/a.yaml: ") {
				t.Errorf("%v; want %q", err, tt.want)
			}
			if !errors.Is(err, model.ErrInvalid) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "mine") {
				t.Errorf("kind or content of %v", err)
			}
		})
	}
}

// TestEveryChange changes every byte of an encrypted file: what comes of it is
// an error, the same content, or a file that is not encrypted any more.
func TestEveryChange(t *testing.T) {
	master, key := ageKey(t)
	d := decrypter(t, map[string]model.Hidden{"me.agekey": key})
	for name, f := range map[string]formats.Format{"a.json": formats.Json, "a.yaml": formats.Yaml, "a.bin": formats.Binary} {
		data := encrypt(t, f, `{"a":"s3cret1","b":{"c":"s3cret2"}}`, rules{groups: [][]keys.MasterKey{{master}}})
		want, err := d.File(name, data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			changed := bytes.Clone(data)
			changed[i] ^= 1
			got, err := d.File(name, changed)
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Fatalf("%s, byte %d: %v", name, i, err)
			}
			if err == nil && !bytes.Equal(got, changed) && canonical(t, name, string(got)) != canonical(t, name, string(want)) {
				t.Fatalf("%s, byte %d (%q): %s", name, i, changed[max(0, i-20):i+1], got)
			}
		}
	}
}

func TestTooBig(t *testing.T) {
	text := "sops:\n  mac: ENC[x]\n  pad: " + strings.Repeat("x", maxSize)
	if _, err := decrypter(t, nil).File("a.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
}

// FuzzFile looks for content that makes reading panic or not end, and for
// decryption without a key.
func FuzzFile(f *testing.F) {
	master, _ := ageKey(f)
	for _, format := range []formats.Format{formats.Yaml, formats.Json, formats.Dotenv, formats.Ini, formats.Binary} {
		plain := `{"a": "b"}`
		if format == formats.Dotenv || format == formats.Ini {
			plain = "a=b"
		}
		f.Add("a", encrypt(f, format, plain, rules{groups: [][]keys.MasterKey{{master}}}))
	}
	f.Add("a.env", []byte("sops_mac=ENC[\nsops_age__list_0__map_enc=x\nsops_age__list_9=y\nsops_age__map_=z"))
	unwrapped := make([]byte, 32)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		d := New(t.Context(), model.Decrypt{}, func(context.Context, []byte) ([]byte, error) { return unwrapped, nil })
		got, err := d.File(name, data)
		if err == nil && !bytes.Equal(got, data) {
			t.Fatalf("decrypted with a key of zeros: %q", got)
		}
	})
}
