// Package signed checks the signatures of Git's commits and annotated tags: those
// of OpenPGP, and those of SSH keys in the SSHSIG format
// (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig). It
// reads no repository: objects and keys are given to it.
package signed

import (
	"bytes"
	"errors"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Object is an object taken apart.
type Object struct {
	// Payload is what was signed, Signature by what; "" if by nothing.
	Payload   []byte
	Signature string
	// Target and Type are the object that a tag is of, Name is the tag's own.
	Target, Type, Name string
}

func unverified(err error) error {
	return model.As(model.ErrUnverified, model.As(model.ErrDenied, err))
}

// Commit takes the signature out of a commit.
func Commit(data []byte) (Object, error) {
	var o Object
	var payload, signature bytes.Buffer
	head, message, _ := bytes.Cut(data, []byte("\n\n"))
	count, in, mine := 0, false, false
	for line := range bytes.Lines(append(bytes.Clone(head), '\n')) {
		switch {
		case bytes.HasPrefix(line, []byte("gpgsig")):
			in, mine = true, bytes.HasPrefix(line, []byte("gpgsig "))
			if mine {
				count++
				signature.Write(bytes.TrimPrefix(line, []byte("gpgsig ")))
			}
		case in && bytes.HasPrefix(line, []byte(" ")):
			if mine {
				signature.Write(line[1:])
			}
		default:
			in = false
			payload.Write(line)
		}
	}
	if count > 1 {
		return o, unverified(errors.New("the commit has several signatures, so it is not clear which one is meant"))
	}
	payload.WriteByte('\n')
	payload.Write(message)
	o.Payload, o.Signature = payload.Bytes(), signature.String()
	return o, nil
}

// begins are the first lines of signatures.
var begins = []string{
	"-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----", "-----BEGIN SSH SIGNATURE-----", "-----BEGIN SIGNED MESSAGE-----",
}

// Tag takes an annotated tag apart.
func Tag(data []byte) (Object, error) {
	o := Object{Payload: data}
	end := 0
	for line := range bytes.Lines(data) {
		for _, begin := range begins {
			// As git does, the last one is taken.
			if bytes.HasPrefix(line, []byte(begin)) {
				o.Payload, o.Signature = data[:end], string(data[end:])
			}
		}
		end += len(line)
	}
	head, _, _ := bytes.Cut(data, []byte("\n\n"))
	seen := map[string]bool{}
	for line := range strings.Lines(string(head)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if seen[key] {
			return o, unverified(errors.New("the tag says several things at once"))
		}
		switch key {
		case "object":
			o.Target = value
		case "type":
			o.Type = value
		case "tag":
			o.Name = value
		default:
			continue
		}
		seen[key] = true
	}
	return o, nil
}
