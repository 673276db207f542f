/** One file to download, as its publisher's index states it. */
export interface PinnedFile {
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

const PYPI = 'https://files.pythonhosted.org/packages';

/**
 * What setup fetches by itself. Any Python's wheel serves, since its own library is left out. The hashes are
 * those that PyPI and PyTorch's index publish.
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
        url: `${PYPI}/5b/fe/cba54dc58523434919b66f13a667e36e436deddd77ca519e96553617d4ec/torch-2.13.0-cp311-cp311-macosx_14_0_arm64.whl`,
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
        url: `${PYPI}/8c/8b/d7be22fbec9ffee6cff31a39f8750d4b3a65d349a286cf4aec74c2375662/torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl`,
        bytes: 530_604_548,
        sha256: '7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a',
      },
      {
        url: `${PYPI}/a3/22/0b4b932655d17a6da1b92fa92ab12844b053bb2ac2475e179ba6f043da1e/nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl`,
        bytes: 366_066_321,
        sha256: 'd20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf',
      },
      {
        url: `${PYPI}/fd/53/43b0d71f4e702fa9733f8b4571fdca50a8813f1e450b656c239beff12315/nvidia_cusparselt_cu13-0.8.0-py3-none-manylinux2014_x86_64.whl`,
        bytes: 169_884_119,
        sha256: '25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd',
      },
      {
        url: `${PYPI}/b0/b4/878fefaad5b2bcc6fcf8d474a25e3e3774bc5133e4b58adff4d0bca238bc/nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl`,
        bytes: 196_493_177,
        sha256: 'e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42',
      },
      {
        url: `${PYPI}/3c/35/a9bf80a609e74e3b000fef598933235c908fcefcef9026042b8e6dfde2a9/nvidia_nvshmem_cu13-3.4.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl`,
        bytes: 60_412_546,
        sha256: '290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80',
      },
      {
        url: `${PYPI}/e7/44/423ac00af4dd95a5aeb27207e2c0d9b7118702149bf4704c3ddb55bb7429/nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl`,
        bytes: 423_133_236,
        sha256: 'ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171',
      },
      {
        url: `${PYPI}/33/6d/737d164b4837a9bbd202f5ae3078975f0525a55730fe871d8ed4e3b952b0/nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl`,
        bytes: 10_715_597,
        sha256: '4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8',
      },
      {
        url: `${PYPI}/c3/68/483a78f5e8f31b08fb1bb671559968c0ca3a065ac7acabfc7cee55214fd6/nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl`,
        bytes: 90_215_200,
        sha256: 'ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575',
      },
      {
        url: `${PYPI}/2e/24/d1558f3b68b1d26e706813b1d10aa1d785e4698c425af8db8edc3dced472/nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl`,
        bytes: 2_243_632,
        sha256: '7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548',
      },
      {
        url: `${PYPI}/a8/2f/7b57e29836ea8714f81e9898409196f47d772d5ddedddf1592eadb8ab743/nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl`,
        bytes: 214_085_489,
        sha256: '6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3',
      },
      {
        url: `${PYPI}/3f/70/4f193de89a48b71714e74602ee14d04e4019ad36a5a9f20c425776e72cd6/nvidia_cufile-1.15.1.6-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl`,
        bytes: 1_223_672,
        sha256: '08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44',
      },
      {
        url: `${PYPI}/a5/9f/be0a41ca4a4917abf5cb9ae0daff1a6060cc5de950aec0396de9f3b52bc5/nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl`,
        bytes: 59_544_258,
        sha256: '1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc',
      },
      {
        url: `${PYPI}/5f/67/cba3777620cdacb99102da4042883709c41c709f4b6323c10781a9c3aa34/nvidia_cusolver-12.0.4.66-py3-none-manylinux_2_27_x86_64.whl`,
        bytes: 200_941_980,
        sha256: '0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112',
      },
      {
        url: `${PYPI}/fa/18/623c77619c31d62efd55302939756966f3ecc8d724a14dab2b75f1508850/nvidia_cusparse-12.6.3.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl`,
        bytes: 145_942_937,
        sha256: '2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b',
      },
      {
        url: `${PYPI}/56/7a/123e033aaff487c77107195fa5a2b8686795ca537935a24efae476c41f05/nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl`,
        bytes: 40_713_933,
        sha256: '13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b',
      },
      {
        url: `${PYPI}/c2/f3/d86c845465a2723ad7e1e5c36dcd75ddb82898b3f53be47ebd429fb2fa5d/nvidia_nvtx-13.0.85-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl`,
        bytes: 148_047,
        sha256: '4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4',
      },
    ],
  },
];
