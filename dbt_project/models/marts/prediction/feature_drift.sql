with

drift as (

    select * from {{ ref('stg_ml__drift') }}

),

feature_definitions as (

    select * from {{ ref('feature_definitions') }}

),

horizon as (

    select snapshot_month from {{ ref('horizon') }}

),

final as (

    select
        drift.score_month,
        drift.model_name,
        drift.model_version,
        drift.feature,
        feature_definitions.reason as feature_in_words,
        drift.stability_index,
        lag(drift.stability_index) over (
            partition by drift.model_name, drift.feature
            order by drift.score_month
        ) as previous_stability_index,
        drift.drift_level,
        cast(
            row_number() over (
                partition by drift.score_month, drift.model_name
                order by drift.stability_index desc, drift.feature asc
            ) as integer
        ) as drift_rank
    from drift
    cross join horizon
    left join feature_definitions
        on drift.feature = feature_definitions.feature
    where drift.score_month <= horizon.snapshot_month

)

select * from final
