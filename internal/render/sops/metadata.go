package sops

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metadata is what SOPS writes beside the encrypted content.
type metadata struct {
	lists
	Groups           []lists `json:"key_groups"`
	Threshold        loose   `json:"shamir_threshold"`
	Modified         loose   `json:"lastmodified"`
	MAC              loose   `json:"mac"`
	OnlyEncrypted    loose   `json:"mac_only_encrypted"`
	UnencryptedEnd   loose   `json:"unencrypted_suffix"`
	EncryptedEnd     loose   `json:"encrypted_suffix"`
	UnencryptedRegex loose   `json:"unencrypted_regex"`
	EncryptedRegex   loose   `json:"encrypted_regex"`
	UnencryptedNote  loose   `json:"unencrypted_comment_regex"`
	EncryptedNote    loose   `json:"encrypted_comment_regex"`
}

// lists are the master keys of a group: each of them can decrypt the group's
// data key.
type lists struct {
	Age    []masterKey `json:"age"`
	PGP    []masterKey `json:"pgp"`
	KMS    []masterKey `json:"kms"`
	GCP    []masterKey `json:"gcp_kms"`
	Azure  []masterKey `json:"azure_kv"`
	Vault  []masterKey `json:"hc_vault"`
	Huawei []masterKey `json:"hckms"`
}

// The kinds of master keys, named after their lists.
const (
	kindAge    = "age"
	kindPGP    = "pgp"
	kindKMS    = "kms"
	kindGCP    = "gcp_kms"
	kindAzure  = "azure_kv"
	kindVault  = "hc_vault"
	kindHuawei = "hckms"
)

// masterKey is a key that a data key was encrypted with. It is a request to
// Keys as well.
type masterKey struct {
	Kind string `json:"kind"`
	// Enc is the encrypted data key.
	Enc string `json:"enc"`
	// Recipient is age's.
	Recipient string `json:"recipient,omitempty"`
	// Fingerprint is PGP's.
	Fingerprint string `json:"fp,omitempty"`
	// ARN, Role and Context are AWS's.
	ARN     string            `json:"arn,omitempty"`
	Role    string            `json:"role,omitempty"`
	Context map[string]string `json:"context,omitempty"`
	// ResourceID is GCP's.
	ResourceID string `json:"resource_id,omitempty"`
	// VaultURL, Name and Version are Azure's.
	VaultURL string `json:"vault_url,omitempty"`
	Name     string `json:"name,omitempty"`
	Version  string `json:"version,omitempty"`
	// VaultAddress, EnginePath and KeyName are Vault's.
	VaultAddress string `json:"vault_address,omitempty"`
	EnginePath   string `json:"engine_path,omitempty"`
	KeyName      string `json:"key_name,omitempty"`
	// KeyID is Huawei's.
	KeyID string `json:"key_id,omitempty"`
}

// String names the key, which is public, for messages.
func (k masterKey) String() string {
	var name string
	switch k.Kind {
	case kindAge:
		name = "age " + k.Recipient
	case kindPGP:
		name = "PGP " + k.Fingerprint
	case kindKMS:
		name = "AWS KMS " + k.ARN
	case kindGCP:
		name = "GCP KMS " + k.ResourceID
	case kindAzure:
		name = "Azure Key Vault " + k.VaultURL + "/keys/" + k.Name
	case kindVault:
		name = "Vault " + k.VaultAddress + "/v1/" + k.EnginePath + "/keys/" + k.KeyName
	default:
		name = k.Kind + " " + k.KeyID
	}
	const enough = 200
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	return name[:min(len(name), enough)]
}

// loose is text that may be written as a number or boolean.
type loose string

// UnmarshalJSON reads any single value.
func (l *loose) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*l = loose(s)
		return nil
	}
	if len(data) > 0 && (data[0] == '{' || data[0] == '[') {
		return errMetadata
	}
	*l = loose(data)
	return nil
}

var (
	errMetadata = errors.New("the metadata below sops are malformed")
	errNoKeys   = errors.New("the metadata below sops name no key")
	errRules    = errors.New("the metadata below sops have two rules of what is encrypted, or one that is no regular expression")
)

func readMetadata(b branch) (m metadata, err error) {
	var text bytes.Buffer
	if writeJSON(&text, plain(b)) != nil || json.Unmarshal(text.Bytes(), &m) != nil {
		return m, errMetadata
	}
	if len(m.Groups) == 0 || len(m.keys()) > 0 {
		m.Groups = []lists{m.lists}
	}
	total := 0
	for _, g := range m.Groups {
		total += len(g.keys())
	}
	const most = 200
	if total == 0 {
		return m, errNoKeys
	}
	if total > most {
		return m, errMetadata
	}
	return m, nil
}

// plain is a tree without comments.
func plain(v any) any {
	switch v := v.(type) {
	case branch:
		out := branch{}
		for _, e := range v {
			if _, note := e.value.(comment); !note {
				out = append(out, entry{e.key, plain(e.value)})
			}
		}
		return out
	case []any:
		out := []any{}
		for _, item := range v {
			if _, note := item.(comment); !note {
				out = append(out, plain(item))
			}
		}
		return out
	}
	return v
}

// keys are those of a group in the order in which they are tried: first those
// that need no network.
func (l lists) keys() (all []masterKey) {
	for _, list := range []struct {
		kind string
		keys []masterKey
	}{
		{kindAge, l.Age}, {kindPGP, l.PGP}, {kindKMS, l.KMS}, {kindGCP, l.GCP}, {kindAzure, l.Azure}, {kindVault, l.Vault}, {kindHuawei, l.Huawei},
	} {
		for _, k := range list.keys {
			k.Kind = list.kind
			all = append(all, k)
		}
	}
	return all
}

// threshold is how many groups are needed.
func (m metadata) threshold() int {
	if n, err := strconv.Atoi(string(m.Threshold)); err == nil && n > 0 && len(m.Groups) > 1 {
		return n
	}
	return len(m.Groups)
}

// modified is what the MAC was encrypted with.
func (m metadata) modified() string {
	t, err := time.Parse(time.RFC3339, string(m.Modified))
	if err != nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

// rule tells whether a leaf is encrypted.
func (m metadata) rule() (func(leaf) bool, error) {
	set := 0
	for _, r := range []loose{m.UnencryptedEnd, m.EncryptedEnd, m.UnencryptedRegex, m.EncryptedRegex, m.UnencryptedNote, m.EncryptedNote} {
		if r != "" {
			set++
		}
	}
	if set > 1 {
		return nil, errRules
	}
	pattern, err := regexp.Compile(string(m.UnencryptedRegex + m.EncryptedRegex + m.UnencryptedNote + m.EncryptedNote))
	if err != nil {
		return nil, errRules
	}
	switch {
	case m.UnencryptedRegex != "":
		return func(l leaf) bool { return !slices.ContainsFunc(l.path, pattern.MatchString) }, nil
	case m.EncryptedRegex != "":
		return func(l leaf) bool { return slices.ContainsFunc(l.path, pattern.MatchString) }, nil
	case m.UnencryptedNote != "":
		return func(l leaf) bool { return !noted(l, pattern, false) }, nil
	case m.EncryptedNote != "":
		return func(l leaf) bool { return noted(l, pattern, true) }, nil
	case m.EncryptedEnd != "":
		return func(l leaf) bool { return anyEnds(l.path, string(m.EncryptedEnd)) }, nil
	}
	end := string(m.UnencryptedEnd)
	if end == "" {
		end = "_unencrypted"
	}
	return func(l leaf) bool { return !anyEnds(l.path, end) }, nil
}

func anyEnds(path []string, end string) bool {
	return slices.ContainsFunc(path, func(key string) bool { return strings.HasSuffix(key, end) })
}

// noted reports whether a comment before the leaf matches. A comment that
// demands encryption is not encrypted itself.
func noted(l leaf, pattern *regexp.Regexp, butItself bool) bool {
	_, isNote := l.value.(comment)
	for i, level := range l.notes {
		if last := len(l.notes) - 1; i == last && isNote && butItself {
			level = level[:max(len(level)-1, 0)]
		}
		if slices.ContainsFunc(level, pattern.MatchString) {
			return true
		}
	}
	return false
}
