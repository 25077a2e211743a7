package web

import "strings"

// fewImages is how many images a page of an app names without being asked.
const fewImages = 4

// FewImages are the images that the page names, MoreImages the others.
func (h appHead) FewImages() []string { return h.App.Images[:min(fewImages, len(h.App.Images))] }

// MoreImages is described at FewImages.
func (h appHead) MoreImages() []string { return h.App.Images[len(h.FewImages()):] }

// imageName is an image's address in two: Tag is its tag, its digest or both, with the
// sign before it.
type imageName struct{ Name, Tag string }

func imageOf(image string) imageName {
	end := len(image)
	if at := strings.Index(image, "@"); at >= 0 {
		end = at
	}
	if tag := strings.LastIndex(image[:end], ":"); tag > strings.LastIndex(image[:end], "/") {
		end = tag
	}
	return imageName{image[:end], image[end:]}
}
