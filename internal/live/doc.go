// Package live reads of clusters what people ask for while they look at an app: the
// objects that descend from its own, their events and logs, and who has set which
// fields. It also deletes an object that somebody points at.
//
// It is not the mirror that the engine decides by: that one is kept for every app at
// all times and knows only what is declared. What is kept here is kept while somebody
// looks, and for some seconds afterwards. Then nothing is left: no watch, no
// connection in use, no memory.
//
// Descendants are found by ownerReferences, in the namespaces of an app's own objects.
// Nobody can ask a cluster for all that an object owns, and to list every kind would
// cost more than it tells. So these kinds are looked through, and no others:
//
//   - what Kubernetes makes of its own kinds: see makes;
//   - below a custom kind, which an operator carries out: what operators usually make
//     (see operated), the kinds of the same or a related API group, and the kinds that
//     own something that was found, as its ownerReferences name them.
//
// Objects are trimmed on arrival to what a tree shows. Of Secrets and ConfigMaps only
// the metadata is ever asked for; a Secret is read whole only where its own page is
// looked at, and its values are masked before it leaves this package.
package live
