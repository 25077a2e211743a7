package sops

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	errValue = errors.New("the value can't be decrypted: it was changed or moved after its encryption, or the key is another file's")
	errPlain = errors.New("the value is not encrypted, and has to be by the rules of the file; encrypt the file anew")
	errMAC   = errors.New("MAC mismatch: the file was changed after its encryption; restore it, or edit it with sops")
)

var encrypted = regexp.MustCompile(`^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]`)

// value decrypts one. context is what it was bound to.
func value(text string, key []byte, context string) (any, error) {
	if text == "" {
		return "", nil
	}
	m := encrypted.FindStringSubmatch(text)
	if m == nil {
		return nil, errPlain
	}
	var parts [3][]byte
	for i := range parts {
		var err error
		if parts[i], err = base64.StdEncoding.DecodeString(m[i+1]); err != nil {
			return nil, errValue
		}
	}
	opened, err := open(key, parts[1], append(parts[0], parts[2]...), context)
	if err != nil {
		return nil, errValue
	}
	v, err := typed(string(opened), m[4])
	if err != nil {
		return nil, errValue
	}
	return v, nil
}

func open(key, nonce, sealed []byte, context string) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, nonce, sealed, []byte(context))
}

func typed(s, kind string) (any, error) {
	switch kind {
	case "str", "bytes":
		return s, nil
	case "int":
		return strconv.Atoi(s)
	case "float":
		return strconv.ParseFloat(s, 64)
	case "bool":
		return strconv.ParseBool(s)
	case "time":
		var t time.Time
		err := t.UnmarshalText([]byte(s))
		return t, err
	case "comment":
		return comment(s), nil
	}
	return nil, errType
}

// onlyEncrypted begins the hash of files whose MAC covers only what is
// encrypted: the SHA-256 of "sops".
var onlyEncrypted = []byte("\x8a\x3f\xd2\xad\x54\xce\x66\x52\x7b\x10\x34\xf3\xd1\x47\xbe\x0b" +
	"\x0b\x97\x5b\x3b\xf4\x4f\x72\xc6\xfd\xad\xec\x81\x76\xf2\x7d\x69")

// decrypt decrypts the documents of a file, which have one MAC, and checks it.
func decrypt(docs []branch, m metadata, key []byte) ([]branch, error) {
	isEncrypted, err := m.rule()
	if err != nil {
		return nil, err
	}
	only, _ := strconv.ParseBool(string(m.OnlyEncrypted))
	hash := sha512.New()
	if only {
		hash.Write(onlyEncrypted)
	}
	visit := func(l leaf) (any, error) {
		v, secret := l.value, isEncrypted(l)
		if secret {
			if v, err = reveal(l, key); err != nil {
				return nil, fmt.Errorf("%s: %w", strings.Join(l.path, "."), err)
			}
		}
		if _, note := v.(comment); !note && (secret || !only) {
			b, err := bytesOf(v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", strings.Join(l.path, "."), err)
			}
			hash.Write(b)
		}
		return v, nil
	}
	out := make([]branch, len(docs))
	for i, doc := range docs {
		v, err := walk(doc, leaf{}, visit)
		if err != nil {
			return nil, err
		}
		out[i] = v.(branch)
	}
	mac, err := value(string(m.MAC), key, m.modified())
	if err != nil || mac != fmt.Sprintf("%X", hash.Sum(nil)) {
		return nil, errMAC
	}
	return out, nil
}

// reveal decrypts a leaf. A comment that can't be decrypted never was
// encrypted: it stays.
func reveal(l leaf, key []byte) (any, error) {
	context := strings.Join(l.path, ":") + ":"
	switch v := l.value.(type) {
	case comment:
		if plain, err := value(string(v), key, context); err == nil {
			return plain, nil
		}
		return v, nil
	case string:
		return value(v, key, context)
	}
	return nil, errPlain
}
