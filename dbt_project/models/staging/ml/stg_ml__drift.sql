with

source as (

    select * from {{ source('ml', 'ml_drift') }}

),

renamed as (

    select
        score_month,
        run_id,
        model_name,
        model_version,
        feature,
        psi as stability_index,
        level as drift_level
    from source

)

select * from renamed
