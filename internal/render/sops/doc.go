// Package sops decrypts what SOPS has encrypted: manifests, value files, files
// for generators, and values in Secrets, as YAML, JSON, dotenv, INI or binary.
// Everything stays in memory, and what was changed after its encryption is an
// error: the MAC is verified.
//
// It has two sides. Decrypter works where renders run and has no keys: for each
// file it asks for the plaintext of the file's data key. Keys answers, in the
// process that knows the keys of model.Decrypt. What goes between them is the
// JSON of one entry of the file's metadata, as SOPS names its fields, with the
// name of the list that it stands in as kind; the answer is the data key, or a
// share of it.
//
// The file format is read here and not by SOPS's own packages, and the key
// services are asked with their own clients: SOPS's read the environment, home
// and /etc of the process, start gpg, may end the process, and log what they
// decrypt. Tests compare with them.
package sops
