"""Image columns: decoding in the graph, an embedding by wavelet scattering, and its principal components."""
