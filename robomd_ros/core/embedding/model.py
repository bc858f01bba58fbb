# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The trained embedding: where a scene lies, how likely it fails, how far that can be trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from robomd_ros.core.embedding.calibration import Calibration
from robomd_ros.core.embedding.encoders import Encoders, Features
from robomd_ros.core.embedding.held_out import LeftOut, distance_limit, left_out_predictions
from robomd_ros.core.embedding.known import KnownEmbeddings
from robomd_ros.core.embedding.model_files import read_files, write_files
from robomd_ros.core.embedding.network import LAYOUTS, EmbeddingNet, Modality
from robomd_ros.core.embedding.novelty import Familiar
from robomd_ros.core.embedding.samples import Samples
from robomd_ros.core.embedding.scaling import FeatureScale, InputScale
from robomd_ros.core.errors import EmbeddingError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training hands over.

    Attributes:
        net: the network.
        scale: features to its inputs.
        left_out: (m, n) bool, whether tower m was trained without trial n.
        losses: mean loss of every update.
        settings: the training's, plain values.
        seed: the training's.
        data_sha256: fingerprint of trials and features.
    """

    net: EmbeddingNet
    scale: InputScale
    left_out: NDArray[np.bool_]
    losses: tuple[float, ...]
    settings: Mapping[str, Any]
    seed: int
    data_sha256: str


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is said of n scenes.

    Attributes:
        probability: (n,) failure probability, calibrated.
        lower: (n,) lower bound of the 95 % interval of the scene's own failure rate; 0 if unknown.
        upper: (n,) upper bound; 1 if unknown.
        reliability: (n,) min over E of ||e - e_s||, the distance to the nearest known embedding
            (Section III-C); the smaller, the more reliable.
        known: (n,) bool, whether the scene lies within the stated distance.
    """

    probability: Floats
    lower: Floats
    upper: Floats
    reliability: Floats
    known: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class EmbeddingModel:
    """Answers for pictures and sentences that `encoders` made features of. Thread-safe.

    Attributes:
        net: the network.
        scale: features to its inputs.
        calibrations: of the towers of each modality.
        left_out: cross-validated predictions that the calibrations were made from.
        known: one embedding per trained scene, the mean over its trials, with its trials.
        familiar: tells pictures and sentences that are unlike all trained ones.
        nominal: (512,) embedding of the nominal scene, the state at a reset.
        limits: largest distance to the known embeddings at which an answer is known, of a question
            with a picture and of one without.
        encoders: manifest of the encoders; None if it was trained on features of unknown origin.
        losses: mean training loss of every update.
        settings: the training's.
        seed: the training's.
        data_sha256: fingerprint of the training's trials and features.
    """

    net: EmbeddingNet
    scale: InputScale
    calibrations: Mapping[Modality, Calibration]
    left_out: tuple[LeftOut, ...]
    known: KnownEmbeddings
    familiar: tuple[Familiar, Familiar]
    nominal: NDArray[np.float32]
    limits: tuple[float, float]
    encoders: Mapping[str, Any] | None
    losses: tuple[float, ...]
    settings: Mapping[str, Any]
    seed: int
    data_sha256: str

    @classmethod
    def assemble(
        cls, trained: Trained, samples: Samples, encoders: Encoders | None = None
    ) -> "EmbeddingModel":
        """Calibrate a trained network and place the known embeddings."""
        net, scale, groups = trained.net, trained.scale, samples.groups()
        inputs = scale(samples.image, samples.text)
        slices, logits = net.evaluate(inputs)
        left_out = tuple(left_out_predictions(net, logits, trained.left_out, groups))
        known = KnownEmbeddings(
            np.stack([slices[list(g.rows)].mean(axis=0) for g in groups]),
            np.array([g.trials for g in groups]),
            np.array([g.failures for g in groups]),
            tuple(g.scene_ids for g in groups),
        )
        wordless = scale(samples.nominal_image[None], samples.nominal_text[None])
        firsts = [g.rows[0] for g in groups]
        pictureless = net.evaluate(scale(None, samples.text[firsts]))[0]
        return cls(
            net=net,
            scale=scale,
            calibrations={
                part.modality: Calibration.fit(part.logits, part.trials, part.failures)
                for part in left_out
            },
            left_out=left_out,
            known=known,
            familiar=(Familiar.of(samples.image[firsts]), Familiar.of(samples.text[firsts])),
            nominal=net.evaluate(wordless)[0][0],
            limits=(distance_limit(known.embeddings, known), distance_limit(pictureless, known)),
            encoders=None if encoders is None else encoders.manifest(),
            losses=trained.losses,
            settings=trained.settings,
            seed=trained.seed,
            data_sha256=trained.data_sha256,
        )

    def embed(self, image: Features | None, text: Features) -> NDArray[np.float32]:
        """Embeddings e of scenes.

        Of a question without a picture, the picture's coordinates are those that its sentence
        leads to expect; of a sentence that says no more than the nominal scene's, the text's are
        the mean.

        Args:
            image: (n, p) features of pictures; None: there are none.
            text: (n, q) features of sentences.

        Returns:
            (n, 512) in (-1, 1).

        Raises:
            EmbeddingError: features of another size.
        """
        return self.net.evaluate(self.scale(image, text))[0]

    def predict(self, image: Features | None, text: Features) -> Predictions:
        """How likely scenes fail, and how far that can be trusted; arguments as `embed`.

        Raises:
            EmbeddingError: features of another size, or a question without a picture to a model
                of pictures only.
        """
        slices, logits = self.net.evaluate(self.scale(image, text))
        probability, lower, upper = (np.zeros(len(text)) for _ in range(3))
        for modality, rows in self._answering(image, text):
            calibration = self.calibrations[modality]
            towers = self.net.which(modality).numpy()
            probability[rows] = calibration.probability(logits[towers][:, rows].mean(axis=0))
            lower[rows], upper[rows] = calibration.interval(probability[rows])
        reliability, known = self._distance(slices, image, text)
        return Predictions(
            probability,
            np.where(known, lower, 0.0),
            np.where(known, upper, 1.0),
            reliability,
            known,
        )

    def draws(
        self, image: Features | None, text: Features, count: int, rng: np.random.Generator
    ) -> Floats:
        """Joint posterior draws of failure probabilities, for what a trial would teach.

        The towers are draws of the function from features to the logit; a draw here is Gaussian
        with their mean and covariance, so that scenes on which they err together vary together. A
        scene that is not known is drawn evenly from [0, 1], on its own.

        Args:
            image: as `embed`.
            text: as `embed`.
            count: how many draws.
            rng: draws them.

        Returns:
            (count, n).
        """
        slices, logits = self.net.evaluate(self.scale(image, text))
        draws = np.zeros((count, len(text)))
        for modality, rows in self._answering(image, text):
            values = logits[self.net.which(modality).numpy()][:, rows]
            mean = values.mean(axis=0)
            weights = rng.standard_normal((count, len(values))) / np.sqrt(max(1, len(values) - 1))
            moved = mean + weights @ (values - mean)
            draws[:, rows] = self.calibrations[modality].probability(moved)
        unknown = ~self._distance(slices, image, text)[1]
        draws[:, unknown] = rng.random((count, int(unknown.sum())))
        return draws

    def save(self, folder: Path) -> None:
        """Write weights and manifest (model_files.py).

        Raises:
            EmbeddingError: the folder cannot be written.
        """
        arrays, manifest = self._contents()
        write_files(folder, arrays, manifest)

    @classmethod
    def load(cls, folder: Path, encoders: Encoders | None = None) -> "EmbeddingModel":
        """Read a model.

        Args:
            folder: that `save` wrote.
            encoders: that questions will be encoded with; None: not checked.

        Raises:
            EmbeddingError: missing, damaged, of another version, or of other encoders.
        """
        return read_files(folder, encoders, cls._from_contents)

    def _answering(
        self, image: Features | None, text: Features
    ) -> Iterator[tuple[Modality, NDArray[np.intp]]]:
        """The modalities whose towers answer, each with the rows that they answer."""
        if len(self.calibrations) == 1:
            modality = next(iter(self.calibrations))
            if modality is Modality.IMAGE and image is None:
                raise EmbeddingError(
                    "this embedding was trained on pictures only and cannot answer for a sentence; "
                    "give a picture, or train with modalities image+text"
                )
            yield modality, np.arange(len(text))
        elif image is None:
            yield Modality.TEXT, np.arange(len(text))
        else:
            unheard = self._unheard(text)
            for modality, where in ((Modality.BOTH, ~unheard), (Modality.IMAGE, unheard)):
                if where.any():
                    yield modality, np.flatnonzero(where)

    def _unheard(self, text: Features) -> NDArray[np.bool_]:
        """Sentences that say nothing, or nothing that was ever said in training."""
        return self.scale.wordless(text) | ~self.familiar[1](text)

    def _distance(
        self, embeddings: NDArray[np.float32], image: Features | None, text: Features
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Distances to the known embeddings, and whether that is near enough to know.

        A strange sentence is answered by its picture alone, as well as that can be, but what
        was never spoken of was never tried, and its answer not known.
        """
        distance = self.known.nearest(embeddings)[1]
        sees = [modality is not Modality.TEXT for modality in self.calibrations]
        if image is None or not any(sees):
            # What says nothing asks about the nominal scene, known only if that was tried.
            asks = ~self.scale.wordless(text) | (() in self.known.scene_ids)
            return distance, asks & (distance <= self.limits[1]) & self.familiar[1](text)
        near = (distance <= self.limits[0]) & self.familiar[0](image)
        heard = self.scale.wordless(text) | self.familiar[1](text)
        return distance, near & (heard | (len(sees) == 1))

    def _contents(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and plain values, everything that the model is."""
        arrays = {f"net.{k}": v.numpy() for k, v in self.net.state_dict().items()}
        for kind, part in (("image", self.scale.image), ("text", self.scale.text)):
            arrays |= {f"{kind}.mean": part.mean, f"{kind}.projection": part.projection}
        arrays |= {"expected": self.scale.expected, "nominal_text": self.scale.nominal_text}
        arrays |= {"nominal": self.nominal, "known.embeddings": self.known.embeddings}
        for kind, seen in zip(("image", "text"), self.familiar, strict=True):
            arrays |= {f"familiar.{kind}.projection": seen.projection}
            arrays |= {f"familiar.{kind}.points": seen.points}
        arrays |= {"known.trials": self.known.trials, "known.failures": self.known.failures}
        arrays |= {f"left_out.{part.modality.name}": part.logits for part in self.left_out}
        return arrays, {
            "encoders": self.encoders,
            "settings": dict(self.settings),
            "seed": self.seed,
            "data_sha256": self.data_sha256,
            "calibrations": {m.name: asdict(c) for m, c in self.calibrations.items()},
            "limits": list(self.limits),
            "familiar_limits": [seen.limit for seen in self.familiar],
            "known_scenes": [list(ids) for ids in self.known.scene_ids],
            "losses": list(self.losses),
        }

    @classmethod
    def _from_contents(
        cls, arrays: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]
    ) -> "EmbeddingModel":
        image, text = (
            FeatureScale(arrays[f"{k}.mean"], arrays[f"{k}.projection"]) for k in ("image", "text")
        )
        settings = manifest["settings"]
        towers = LAYOUTS[settings["modalities"]]
        net = EmbeddingNet(image.size, text.size, towers, settings["hidden"], settings["gain"])
        net.load_state_dict(
            {k[4:]: torch.from_numpy(v) for k, v in arrays.items() if k.startswith("net.")}
        )
        trials, failures = arrays["known.trials"], arrays["known.failures"]
        scenes = tuple(tuple(map(str, ids)) for ids in manifest["known_scenes"])
        calibrations = {Modality[m]: Calibration(**c) for m, c in manifest["calibrations"].items()}
        if set(calibrations) != {m for m, n in zip(Modality, towers, strict=True) if n}:
            raise ValueError(f"calibrations are of {sorted(calibrations)} only")
        with_picture, without = map(float, manifest["limits"])
        seen, said = (
            Familiar(
                arrays[f"familiar.{kind}.projection"], arrays[f"familiar.{kind}.points"], limit
            )
            for kind, limit in zip(("image", "text"), manifest["familiar_limits"], strict=True)
        )
        return cls(
            net=net.eval(),
            scale=InputScale(image, text, arrays["expected"], arrays["nominal_text"]),
            calibrations=calibrations,
            left_out=tuple(
                LeftOut(m, arrays[f"left_out.{m.name}"], trials, failures) for m in calibrations
            ),
            known=KnownEmbeddings(arrays["known.embeddings"], trials, failures, scenes),
            familiar=(seen, said),
            nominal=arrays["nominal"],
            limits=(with_picture, without),
            encoders=manifest["encoders"],
            losses=tuple(map(float, manifest["losses"])),
            settings=settings,
            seed=int(manifest["seed"]),
            data_sha256=str(manifest["data_sha256"]),
        )
