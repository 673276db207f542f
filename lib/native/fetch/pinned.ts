/** One file to download, as its publisher's index states it. */
export interface PinnedFile {
  /** Where its publisher has it; a wheel's name where only pip knows a place, Python's package index. */
  readonly url: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A LibTorch of one platform: the wheels that hold it, of which only libraries and headers are used. */
export interface PinnedBuild {
  /** `<process.platform>-<process.arch>`. */
  readonly platform: string;
  readonly variant: string;
  readonly version: string;
  /** Bytes of what is unpacked. */
  readonly unpackedBytes: number;
  /** The wheel of torch first, then those of the libraries that it needs. */
  readonly files: readonly PinnedFile[];
}

/**
 * What setup fetches by itself. Any Python's wheel serves, since its own library is left out. The hashes are
 * those that Python's package index and PyTorch's publish.
 */
export const PINNED: readonly PinnedBuild[] = [
  {
    platform: 'linux-x64',
    variant: 'cpu',
    version: '2.13.0',
    unpackedBytes: 476_877_093,
    files: [
      {
        url: 'https://download.pytorch.org/whl/cpu/torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl',
        bytes: 191_794_682,
        sha256: '6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b',
      },
    ],
  },
  {
    platform: 'darwin-arm64',
    variant: 'cpu',
    version: '2.13.0',
    unpackedBytes: 378_863_863,
    files: [
      {
        url: 'torch-2.13.0-cp311-cp311-macosx_14_0_arm64.whl',
        bytes: 111_187_938,
        sha256: 'e76f9bcecc52b8ff711239a2f7547d5353df95878ab232f0773c1d95928b92f8',
      },
    ],
  },
  {
    platform: 'linux-x64',
    variant: 'cu130',
    version: '2.11.0',
    unpackedBytes: 3_844_656_314,
    files: [
      {
        url: 'torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl',
        bytes: 530_604_548,
        sha256: '7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a',
      },
      {
        url: 'nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 366_066_321,
        sha256: 'd20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf',
      },
      {
        url: 'nvidia_cusparselt_cu13-0.8.0-py3-none-manylinux2014_x86_64.whl',
        bytes: 169_884_119,
        sha256: '25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd',
      },
      {
        url: 'nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl',
        bytes: 196_493_177,
        sha256: 'e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42',
      },
      {
        url: 'nvidia_nvshmem_cu13-3.4.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 60_412_546,
        sha256: '290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80',
      },
      {
        url: 'nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 423_133_236,
        sha256: 'ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171',
      },
      {
        url: 'nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl',
        bytes: 10_715_597,
        sha256: '4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8',
      },
      {
        url: 'nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
        bytes: 90_215_200,
        sha256: 'ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575',
      },
      {
        url: 'nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 2_243_632,
        sha256: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548',
      },
      {
        url: 'nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 214_085_489,
        sha256: '6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3',
      },
      {
        url: 'nvidia_cufile-1.15.1.6-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 1_223_672,
        sha256: '08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44',
      },
      {
        url: 'nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 59_544_258,
        sha256: '1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc',
      },
      {
        url: 'nvidia_cusolver-12.0.4.66-py3-none-manylinux_2_27_x86_64.whl',
        bytes: 200_941_980,
        sha256: '0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112',
      },
      {
        url: 'nvidia_cusparse-12.6.3.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
        bytes: 145_942_937,
        sha256: '2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b',
      },
      {
        url: 'nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
        bytes: 40_713_933,
        sha256: '13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b',
      },
      {
        url: 'nvidia_nvtx-13.0.85-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl',
        bytes: 148_047,
        sha256: '4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4',
      },
    ],
  },
];
